// SPDX-License-Identifier: MIT
// Runs go test and reports to Berth which test runs:
// go run /usr/local/share/berth/reporters/gotest.go -count=1 ./...
//
// Arguments, exit status and output are those of go test -v. It writes one line "WORKER MS NAME"
// into the FIFO BERTH_MARK for each test; without Berth it writes none. Use -p 1: marks of packages
// that run side by side cannot be told apart.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

type event struct {
	Time                          time.Time
	Action, Package, Test, Output string
}

var fifo = -1

func mark(at time.Time, name string) {
	ms := float64(at.UnixMicro()) / 1e3
	line := fmt.Sprintf("%s %.3f %.900s\n", os.Getenv("BERTH_WORKER"), ms, name)
	if fifo >= 0 {
		syscall.Write(fifo, []byte(line))
	}
}

func follow(text *bufio.Reader) {
	for {
		line, err := text.ReadBytes('\n')
		var what event
		if json.Unmarshal(line, &what) != nil {
			os.Stdout.Write(line) // go's own message about a build that failed
		} else if what.Action == "run" {
			mark(what.Time, what.Package+" "+what.Test)
		}
		os.Stdout.WriteString(what.Output)
		if err != nil {
			return
		}
	}
}

func main() {
	flags := syscall.O_WRONLY | syscall.O_NONBLOCK | syscall.O_CLOEXEC
	fifo, _ = syscall.Open(os.Getenv("BERTH_MARK"), flags, 0)
	tests := exec.Command("go", append([]string{"test", "-json"}, os.Args[1:]...)...)
	tests.Stdin, tests.Stderr = os.Stdin, os.Stderr
	out, err := tests.StdoutPipe()
	if err == nil {
		err = tests.Start()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "berth: unable to run go test:", err)
		os.Exit(125)
	}
	follow(bufio.NewReader(out))
	err = tests.Wait()
	mark(time.Now(), "")
	if err != nil {
		os.Exit(tests.ProcessState.ExitCode())
	}
}
