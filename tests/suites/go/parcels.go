// SPDX-License-Identifier: MIT

// Package parcels counts parcels over HTTP and answers beacons over UDP, both on port 8201.
package parcels

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"
)

// Address is where both servers listen.
const Address = "localhost:8201"

// Depot counts parcels by name.
type Depot struct {
	mutex  sync.Mutex
	counts map[string]int
}

// Handler serves the depot's API.
func (d *Depot) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/parcels", d.parcels)
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(700 * time.Millisecond)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/address", func(w http.ResponseWriter, r *http.Request) {
		local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		json.NewEncoder(w).Encode(map[string]string{"local": local.String(), "remote": r.RemoteAddr})
	})
	return mux
}

func (d *Depot) parcels(w http.ResponseWriter, r *http.Request) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.counts == nil {
		d.counts = map[string]int{}
	}
	switch r.Method {
	case http.MethodPost:
		name := r.URL.Query().Get("name")
		if name == "" {
			http.Error(w, "name is missing", http.StatusUnprocessableEntity)
			return
		}
		d.counts[name]++
		w.WriteHeader(http.StatusCreated)
	case http.MethodGet:
		json.NewEncoder(w).Encode(d.counts)
	default:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	}
}

// Echo answers each datagram with "echo: " and its text until the socket is closed.
func Echo(socket net.PacketConn) {
	buffer := make([]byte, 1500)
	for {
		n, peer, err := socket.ReadFrom(buffer)
		if err != nil {
			return
		}
		socket.WriteTo(append([]byte("echo: "), buffer[:n]...), peer)
	}
}
