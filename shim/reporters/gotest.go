// SPDX-License-Identifier: MIT
// Runs go test and tells Berth which test runs: go run /usr/local/share/berth/reporters/gotest.go -count=1 ./...
//
// The arguments are go test's, and so are exit status and output, that of -v. One line "WORKER MS NAME" goes into Berth's FIFO for each test.
// Outside Berth, and when Berth is gone, nothing happens. Packages that go test runs side by side need -p 1.
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
	line := fmt.Sprintf("%s %.3f %.900s\n", os.Getenv("BERTH_WORKER"), float64(at.UnixMicro())/1e3, name)
	if fifo >= 0 {
		syscall.Write(fifo, []byte(line))
	}
}

func follow(text *bufio.Reader) {
	for {
		line, err := text.ReadBytes('\n')
		var what event
		if json.Unmarshal(line, &what) != nil {
			os.Stdout.Write(line) // go's own words, of a build that failed
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
	fifo, _ = syscall.Open(os.Getenv("BERTH_MARK"), syscall.O_WRONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
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
