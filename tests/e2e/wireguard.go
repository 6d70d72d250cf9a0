// SPDX-License-Identifier: MIT

// wireguard is one end of a WireGuard tunnel: wireguard-go's library as it comes, the same source for Windows, where it makes
// its adapter through wintun.dll, and for Linux. test_wireguard.py runs both.
//
//	wireguard NAME MTU
//
// It prints the kind of its sockets, "public KEY", a key made for this run, and reads lines: settings in wireguard-go's configuration protocol, which an
// empty line applies ("ready"); "get" prints what that protocol tells; "quit" ends it.
package main

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/crypto/curve25519"
	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/device"
	"golang.zx2c4.com/wireguard/tun"
)

func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "wireguard: %s: %v\n", what, err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) != 3 {
		check("usage: wireguard NAME MTU", os.ErrInvalid)
	}
	mtu, err := strconv.Atoi(os.Args[2])
	check("MTU", err)
	private := make([]byte, 32)
	_, err = rand.Read(private)
	check("random bytes", err)
	public, err := curve25519.X25519(private, curve25519.Basepoint)
	check("public key", err)
	adapter, err := tun.CreateTUN(os.Args[1], mtu)
	check("the adapter", err)
	bind := conn.NewDefaultBind()
	fmt.Printf("sockets %T\n", bind)
	tunnel := device.NewDevice(adapter, bind, device.NewLogger(device.LogLevelError, "wireguard: "))
	check("the key", tunnel.IpcSet("private_key="+hex.EncodeToString(private)))
	fmt.Println("public", hex.EncodeToString(public))

	var settings strings.Builder
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch line := strings.TrimSpace(lines.Text()); line {
		case "quit":
			tunnel.Close()
			return
		case "get":
			state, err := tunnel.IpcGet()
			check("get", err)
			fmt.Print(state, "got\n")
		case "":
			check("settings", tunnel.IpcSet(settings.String()))
			check("up", tunnel.Up())
			settings.Reset()
			fmt.Println("ready")
		default:
			settings.WriteString(line + "\n")
		}
	}
	tunnel.Close()
}
