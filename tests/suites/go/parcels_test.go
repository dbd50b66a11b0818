// SPDX-License-Identifier: MIT

package parcels

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

const base = "http://localhost:8201"

func TestMain(m *testing.M) {
	listener, err := net.Listen("tcp", Address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	packets, err := net.ListenPacket("udp", Address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go http.Serve(listener, new(Depot).Handler())
	go Echo(packets)
	code := m.Run()
	packets.Close()
	listener.Close()
	os.Exit(code)
}

func fetch(t *testing.T, path string, into interface{}) {
	t.Helper()
	answer, err := http.Get(base + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, path string) int {
	t.Helper()
	answer, err := http.Post(base+path, "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func TestParcelsAreCountedOnce(t *testing.T) {
	var senders sync.WaitGroup
	for i := 0; i < 20; i++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			if status := post(t, "/parcels?name=crate"); status != http.StatusCreated {
				t.Errorf("want 201, got %d", status)
			}
		}()
	}
	senders.Wait()
	counts := map[string]int{}
	fetch(t, "/parcels", &counts)
	if counts["crate"] != 20 {
		t.Errorf("want 20 crates, got %d", counts["crate"])
	}
}

func TestANameIsNeeded(t *testing.T) {
	if status := post(t, "/parcels"); status != http.StatusUnprocessableEntity {
		t.Errorf("want 422, got %d", status)
	}
}

func TestTheServerKnowsItsAddress(t *testing.T) {
	addresses := map[string]string{}
	fetch(t, "/address", &addresses)
	if addresses["local"] != "127.0.0.1:8201" {
		t.Errorf("want 127.0.0.1:8201, got %s", addresses["local"])
	}
}

func TestASlowAnswerArrives(t *testing.T) {
	begin := time.Now()
	if status := post(t, "/slow"); status != http.StatusNoContent {
		t.Errorf("want 204, got %d", status)
	}
	if took := time.Since(begin); took < 700*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestTheConnectionNamesItsPeer(t *testing.T) {
	connection, err := net.Dial("tcp", Address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if peer := connection.RemoteAddr().String(); peer != "127.0.0.1:8201" {
		t.Errorf("want 127.0.0.1:8201, got %s", peer)
	}
}

func TestThePortIsTaken(t *testing.T) {
	second, err := net.Listen("tcp", Address)
	if err == nil {
		second.Close()
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("want EADDRINUSE, got %v", err)
	}
}

func TestConnectedDatagrams(t *testing.T) {
	connection, err := net.Dial("udp", Address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(time.Minute))
	connection.Write([]byte("ahoy"))
	buffer := make([]byte, 100)
	n, err := connection.Read(buffer)
	if err != nil || string(buffer[:n]) != "echo: ahoy" {
		t.Errorf("want 'echo: ahoy', got '%s', %v", buffer[:n], err)
	}
}

func TestUnconnectedDatagrams(t *testing.T) {
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(time.Minute))
	depot := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8201}
	socket.WriteTo([]byte("hello"), depot)
	buffer := make([]byte, 100)
	n, peer, err := socket.ReadFrom(buffer)
	if err != nil || string(buffer[:n]) != "echo: hello" || peer.String() != depot.String() {
		t.Errorf("want 'echo: hello' from %v, got '%s' from %v, %v", depot, buffer[:n], peer, err)
	}
}
