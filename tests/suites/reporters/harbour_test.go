// SPDX-License-Identifier: MIT
package harbour

import (
	"bufio"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestOpensTheHarbour(t *testing.T) { time.Sleep(30 * time.Millisecond) }

func startServer(t *testing.T, arguments ...string) {
	server := exec.Command("./serve.py", arguments...)
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, _ := server.StdoutPipe()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("want up, got %q", line)
	}
}

func TestForgetsAServer(t *testing.T) { startServer(t) }

func TestClosesTheHarbour(t *testing.T) { time.Sleep(30 * time.Millisecond) }

func TestSinksAShip(t *testing.T) { t.Error("a hole") }
