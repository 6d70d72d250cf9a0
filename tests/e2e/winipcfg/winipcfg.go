// SPDX-License-Identifier: MIT

// Package winipcfg is what nebula asks of a package of this name: addresses, routes and the MTU of an interface, by IP Helper.
// Written to Microsoft's pages of the functions and structures named below, for `make check-clients`: Debian has nebula
// without it. A program's calls may come from any thread.
package winipcfg

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	library          = windows.NewLazySystemDLL("iphlpapi.dll")
	initializeRow    = library.NewProc("InitializeUnicastIpAddressEntry")
	createAddress    = library.NewProc("CreateUnicastIpAddressEntry")
	deleteAddress    = library.NewProc("DeleteUnicastIpAddressEntry")
	getAddresses     = library.NewProc("GetUnicastIpAddressTable")
	initializeRoute  = library.NewProc("InitializeIpForwardEntry")
	createRoute      = library.NewProc("CreateIpForwardEntry2")
	deleteRoute      = library.NewProc("DeleteIpForwardEntry2")
	getRoutes        = library.NewProc("GetIpForwardTable2")
	initializeFamily = library.NewProc("InitializeIpInterfaceEntry")
	getFamily        = library.NewProc("GetIpInterfaceEntry")
	setFamily        = library.NewProc("SetIpInterfaceEntry")
	freeTable        = library.NewProc("FreeMibTable")
	luidToGuid       = library.NewProc("ConvertInterfaceLuidToGuid")
	setDns           = library.NewProc("SetInterfaceDnsSettings")
)

type AddressFamily uint16

// LUID is NET_LUID (ifdef.h).
type LUID uint64

// SOCKADDR_INET (ws2ipdef.h)
type sockaddr struct {
	family AddressFamily
	port   uint16
	data   [6]uint32 // IPv4's address; or IPv6's flow, address and scope
}

// MIB_UNICASTIPADDRESS_ROW (netioapi.h)
type address struct {
	address           sockaddr
	luid              LUID
	index             uint32
	prefixOrigin      uint32
	suffixOrigin      uint32
	valid, preferred  uint32
	prefixLength      uint8
	skipAsSource      uint8
	dadState, scopeID uint32
	created           int64
}

// MIB_IPFORWARD_ROW2 (netioapi.h)
type route struct {
	luid             LUID
	index            uint32
	destination      sockaddr
	prefixLength     uint8
	nextHop          sockaddr
	sitePrefixLength uint8
	valid, preferred uint32
	metric, protocol uint32
	flags            [4]uint8
	age, origin      uint32
}

// MibIPInterfaceRow is MIB_IPINTERFACE_ROW (netioapi.h).
type MibIPInterfaceRow struct {
	family             AddressFamily
	luid               LUID
	index, reassembly  uint32
	identifier         uint64
	advertisement      [2]uint32
	switches           [4]uint8
	UseAutomaticMetric bool
	moreSwitches       [4]uint8
	times              [7]uint32
	zones              [16]uint32
	SitePrefixLength   uint32
	Metric             uint32
	NLMTU              uint32
	state              [4]uint8
	reachable          uint32
	offload            [4]uint8
}

func call(function *windows.LazyProc, row unsafe.Pointer) error {
	if code, _, _ := function.Call(uintptr(row)); code != 0 {
		return syscall.Errno(code)
	}
	return nil
}

func (to *sockaddr) set(from netip.Addr) {
	if from.Is4() {
		to.family = windows.AF_INET
		*(*[4]byte)(unsafe.Pointer(&to.data[0])) = from.As4()
	} else {
		to.family = windows.AF_INET6
		*(*[16]byte)(unsafe.Pointer(&to.data[1])) = from.As16()
	}
}

// each calls a function for each row of a table that IP Helper gives: ULONG NumEntries, then the rows, aligned to 8.
func each[Row any](get *windows.LazyProc, family AddressFamily, do func(*Row)) error {
	var table *byte
	if code, _, _ := get.Call(uintptr(family), uintptr(unsafe.Pointer(&table))); code != 0 {
		return syscall.Errno(code)
	}
	defer freeTable.Call(uintptr(unsafe.Pointer(table)))
	rows := unsafe.Slice((*Row)(unsafe.Add(unsafe.Pointer(table), 8)), *(*uint32)(unsafe.Pointer(table)))
	for i := range rows {
		do(&rows[i])
	}
	return nil
}

// FlushIPAddresses takes away an interface's addresses of a family.
func (luid LUID) FlushIPAddresses(family AddressFamily) error {
	return each(getAddresses, family, func(row *address) {
		if row.luid == luid {
			call(deleteAddress, unsafe.Pointer(row))
		}
	})
}

// SetIPAddresses gives an interface these addresses and no others.
func (luid LUID) SetIPAddresses(prefixes []netip.Prefix) error {
	for _, family := range []AddressFamily{windows.AF_INET, windows.AF_INET6} {
		if err := luid.FlushIPAddresses(family); err != nil {
			return err
		}
	}
	for _, prefix := range prefixes {
		var row address
		initializeRow.Call(uintptr(unsafe.Pointer(&row)))
		row.luid = luid
		row.address.set(prefix.Addr())
		row.prefixLength = uint8(prefix.Bits())
		row.dadState = 4 // IpDadStatePreferred
		if err := call(createAddress, unsafe.Pointer(&row)); err != nil {
			return err
		}
	}
	return nil
}

func (luid LUID) route(prefix netip.Prefix, nextHop netip.Addr) *route {
	row := new(route)
	initializeRoute.Call(uintptr(unsafe.Pointer(row)))
	row.luid = luid
	row.destination.set(prefix.Masked().Addr())
	row.prefixLength = uint8(prefix.Bits())
	row.nextHop.set(nextHop)
	return row
}

func (luid LUID) AddRoute(prefix netip.Prefix, nextHop netip.Addr, metric uint32) error {
	row := luid.route(prefix, nextHop)
	row.metric = metric
	return call(createRoute, unsafe.Pointer(row))
}

func (luid LUID) DeleteRoute(prefix netip.Prefix, nextHop netip.Addr) error {
	return call(deleteRoute, unsafe.Pointer(luid.route(prefix, nextHop)))
}

// FlushRoutes takes away an interface's routes of a family.
func (luid LUID) FlushRoutes(family AddressFamily) error {
	return each(getRoutes, family, func(row *route) {
		if row.luid == luid {
			call(deleteRoute, unsafe.Pointer(row))
		}
	})
}

// FlushDNS takes away an interface's name servers of a family: DNS_INTERFACE_SETTINGS (netioapi.h) with an empty list.
func (luid LUID) FlushDNS(family AddressFamily) error {
	var guid windows.GUID
	if code, _, _ := luidToGuid.Call(uintptr(unsafe.Pointer(&luid)), uintptr(unsafe.Pointer(&guid))); code != 0 {
		return syscall.Errno(code)
	}
	settings := struct {
		version                                                uint32
		flags                                                  uint64
		domain, nameServer, searchList                         *uint16
		registration, adapterName, multicast, queryAdapterName uint32
		profileNameServer                                      *uint16
	}{version: 1, flags: 2, nameServer: new(uint16)} // DNS_SETTING_NAMESERVER
	if family == windows.AF_INET6 {
		settings.flags |= 1 // DNS_SETTING_IPV6
	}
	// On amd64 a structure of 16 bytes, the GUID, is passed by its address.
	if code, _, _ := setDns.Call(uintptr(unsafe.Pointer(&guid)), uintptr(unsafe.Pointer(&settings))); code != 0 {
		return syscall.Errno(code)
	}
	return nil
}

// IPInterface reads what an interface is for a family.
func (luid LUID) IPInterface(family AddressFamily) (*MibIPInterfaceRow, error) {
	row := new(MibIPInterfaceRow)
	initializeFamily.Call(uintptr(unsafe.Pointer(row)))
	row.family = family
	row.luid = luid
	return row, call(getFamily, unsafe.Pointer(row))
}

// Set writes it back. IPv4 has no site prefix: "SetIpInterfaceEntry function (netioapi.h)".
func (row *MibIPInterfaceRow) Set() error {
	if row.family == windows.AF_INET {
		row.SitePrefixLength = 0
	}
	return call(setFamily, unsafe.Pointer(row))
}
