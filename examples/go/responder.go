// SPDX-License-Identifier: MIT

// A network that answers ping, with Go's standard library alone:
//
//	GOOS=windows go build responder.go
//
// Put plaintun.dll of the same architecture beside responder.exe and run it as administrator. Ends with Ctrl-C; the adapter
// goes with it.
package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// PLAINTUN_ADAPTER_CONFIG
type adapterConfig struct {
	size, mtu               uint32
	name, tunnelType        *uint16
	guid                    *syscall.GUID
	accessList              *uint16
	timeoutMs, flags        uint32
	metric, reserved        uint32
}

// PLAINTUN_PACKET
type packet struct {
	data        *byte
	size, flags uint32
}

const (
	waitPackets = 1
	infinite    = 0xffffffff
	batch       = 64
)

var (
	dll           = syscall.NewLazyDLL("plaintun.dll")
	createAdapter = dll.NewProc("PlaintunCreateAdapter")
	startSession  = dll.NewProc("PlaintunStartSession")
	receive       = dll.NewProc("PlaintunReceive")
	release       = dll.NewProc("PlaintunRelease")
	allocate      = dll.NewProc("PlaintunAllocate")
	send          = dll.NewProc("PlaintunSend")
	wait          = dll.NewProc("PlaintunWait")
	getMessage    = dll.NewProc("PlaintunGetMessage")
)

func fail(what string, err error) {
	var text [1024]uint16
	getMessage.Call(uintptr(unsafe.Pointer(&text)), uintptr(len(text)))
	fmt.Fprintf(os.Stderr, "%s: %v %s\n", what, err, syscall.UTF16ToString(text[:]))
	os.Exit(1)
}

// bytes is the packet's memory, which lies in the ring.
func (p *packet) bytes() []byte {
	return unsafe.Slice(p.data, p.size)
}

// makeReply makes the answer to an echo request in place. Its checksum changes with one word (RFC 1624).
func makeReply(p []byte) bool {
	if len(p) < 28 || p[0]>>4 != 4 || p[9] != 1 {
		return false
	}
	icmp := int(p[0]&15) * 4
	if len(p) < icmp+8 || p[icmp] != 8 {
		return false
	}
	for i := 12; i < 16; i++ {
		p[i], p[i+4] = p[i+4], p[i]
	}
	sum := uint32(p[icmp+2])<<8 + uint32(p[icmp+3]) + 0x800
	sum = sum&0xffff + sum>>16
	p[icmp], p[icmp+2], p[icmp+3] = 0, byte(sum>>8), byte(sum)
	return true
}

func main() {
	name, _ := syscall.UTF16PtrFromString("responder")
	tunnelType, _ := syscall.UTF16PtrFromString("Example")
	config := adapterConfig{name: name, tunnelType: tunnelType}
	config.size = uint32(unsafe.Sizeof(config))
	adapter, _, err := createAdapter.Call(uintptr(unsafe.Pointer(&config)))
	if adapter == 0 {
		fail("creating the adapter", err)
	}
	session, _, err := startSession.Call(adapter, 0)
	if session == 0 {
		fail("starting the session", err)
	}
	fmt.Println("ready: netsh interface ipv4 set address responder static 10.9.0.1 255.255.255.0, then ping 10.9.0.2")
	var packets [batch]packet
	for {
		if events, _, err := wait.Call(session, waitPackets, infinite); events == 0 {
			fail("waiting for packets", err)
		}
		count, _, _ := receive.Call(session, uintptr(unsafe.Pointer(&packets)), batch)
		for i := range packets[:count] {
			answer := packet{size: packets[i].size}
			if !makeReply(packets[i].bytes()) {
				continue
			}
			if room, _, _ := allocate.Call(session, uintptr(unsafe.Pointer(&answer)), 1); room == 0 {
				continue // the ring is full
			}
			copy(answer.bytes(), packets[i].bytes())
			send.Call(session, uintptr(unsafe.Pointer(&answer)), 1)
		}
		release.Call(session, uintptr(unsafe.Pointer(&packets)), count)
	}
}
