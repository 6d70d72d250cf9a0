// SPDX-License-Identifier: MIT

// Package wintun is what wireguard-go's tun package asks of a package of this name, written to include/wintun.h, for
// test_wireguard.py: Debian has wireguard-go without it. A program's calls may come from any thread.
package wintun

import (
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	library              = windows.NewLazyDLL("wintun.dll")
	createAdapter        = library.NewProc("WintunCreateAdapter")
	closeAdapter         = library.NewProc("WintunCloseAdapter")
	getAdapterLuid       = library.NewProc("WintunGetAdapterLUID")
	getRunningVersion    = library.NewProc("WintunGetRunningDriverVersion")
	startSession         = library.NewProc("WintunStartSession")
	endSession           = library.NewProc("WintunEndSession")
	getReadWaitEvent     = library.NewProc("WintunGetReadWaitEvent")
	receivePacket        = library.NewProc("WintunReceivePacket")
	releaseReceivePacket = library.NewProc("WintunReleaseReceivePacket")
	allocateSendPacket   = library.NewProc("WintunAllocateSendPacket")
	sendPacket           = library.NewProc("WintunSendPacket")
)

type Adapter struct{ handle uintptr }

type Session struct{ handle uintptr }

func CreateAdapter(name, tunnelType string, guid *windows.GUID) (*Adapter, error) {
	name16, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return nil, err
	}
	type16, err := windows.UTF16PtrFromString(tunnelType)
	if err != nil {
		return nil, err
	}
	handle, _, err := createAdapter.Call(uintptr(unsafe.Pointer(name16)), uintptr(unsafe.Pointer(type16)),
		uintptr(unsafe.Pointer(guid)))
	if handle == 0 {
		return nil, err
	}
	return &Adapter{handle}, nil
}

func (adapter *Adapter) Close() error {
	closeAdapter.Call(adapter.handle)
	return nil
}

func (adapter *Adapter) LUID() (luid uint64) {
	getAdapterLuid.Call(adapter.handle, uintptr(unsafe.Pointer(&luid)))
	return
}

func RunningVersion() (uint32, error) {
	version, _, err := getRunningVersion.Call()
	if version == 0 {
		return 0, err
	}
	return uint32(version), nil
}

func (adapter *Adapter) StartSession(capacity uint32) (Session, error) {
	handle, _, err := startSession.Call(adapter.handle, uintptr(capacity))
	if handle == 0 {
		return Session{}, err
	}
	return Session{handle}, nil
}

func (session Session) End() {
	endSession.Call(session.handle)
}

func (session Session) ReadWaitEvent() windows.Handle {
	event, _, _ := getReadWaitEvent.Call(session.handle)
	return windows.Handle(event)
}

func memory(address uintptr) *byte {
	return *(**byte)(unsafe.Pointer(&address)) // the library's, which no collector moves
}

func (session Session) ReceivePacket() ([]byte, error) {
	var length uint32
	packet, _, err := receivePacket.Call(session.handle, uintptr(unsafe.Pointer(&length)))
	if packet == 0 {
		return nil, err
	}
	return unsafe.Slice(memory(packet), length), nil
}

func (session Session) ReleaseReceivePacket(packet []byte) {
	releaseReceivePacket.Call(session.handle, uintptr(unsafe.Pointer(&packet[0])))
}

func (session Session) AllocateSendPacket(length int) ([]byte, error) {
	packet, _, err := allocateSendPacket.Call(session.handle, uintptr(length))
	if packet == 0 {
		return nil, err
	}
	return unsafe.Slice(memory(packet), length), nil
}

func (session Session) SendPacket(packet []byte) {
	sendPacket.Call(session.handle, uintptr(unsafe.Pointer(&packet[0])))
}
