// SPDX-License-Identifier: MIT
//go:build parallel

package harbour

import (
	"bufio"
	"os/exec"
	"sync"
	"syscall"
	"testing"
)

var both sync.WaitGroup

// Each forgets a server while the other runs.
func forget(t *testing.T, port string) {
	t.Parallel()
	both.Done()
	both.Wait()
	server := exec.Command("./serve.py", port)
	server.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, _ := server.StdoutPipe()
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "up\n" {
		t.Fatalf("want up, got %q", line)
	}
}

func TestParallel3171(t *testing.T) { forget(t, "3171") }
func TestParallel3172(t *testing.T) { forget(t, "3172") }

func init() { both.Add(2) }
