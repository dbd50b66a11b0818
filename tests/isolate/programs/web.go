// SPDX-License-Identifier: MIT

// A web server on a fixed port and a client of it, in one program that makes its own system calls.
// Its listener speaks MPTCP if asked. It prints what both ends say about their addresses; the port
// must be the one that is written here.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

const address = "127.0.0.1:4930"

func listen() (net.Listener, error) {
	if len(os.Args) < 2 || os.Args[1] != "mptcp" {
		return net.Listen("tcp", address)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 262)
	if err != nil {
		return nil, err
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Port: 4930, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, err
	}
	if err := syscall.Listen(fd, 16); err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "mptcp")
	defer file.Close()
	return net.FileListener(file)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	listener, err := listen()
	must(err)
	fmt.Println("listening on", listener.Addr())
	worker := os.Getenv("BERTH_WORKER")
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Context().Value(http.LocalAddrContextKey), " worker ", worker)
	}))
	for i := 0; i < 20; i++ {
		response, err := http.Get("http://" + address + "/")
		must(err)
		body, err := io.ReadAll(response.Body)
		must(err)
		response.Body.Close()
		if want := address + " worker " + worker; string(body) != want {
			must(fmt.Errorf("want %q, got %q", want, body))
		}
		http.DefaultClient.CloseIdleConnections()
	}
	_, err = net.Listen("tcp", address)
	fmt.Println("a second listener:", err)
	if len(os.Args) > 2 { // stay until stdin ends
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}
