// SPDX-License-Identifier: MIT
// Runs go test and reports to Berth which test runs, and what became of it:
// go run /usr/local/share/berth/reporters/gotest.go -count=1 ./...
//
// Arguments, exit status and output are those of go test -v. It writes lines into the FIFO
// BERTH_MARK; without Berth it writes none.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

type event struct {
	Time                          time.Time
	Action, Package, Test, Output string
	Elapsed                       float64
}

var fifo = -1

func write(at time.Time, text string) error {
	line := fmt.Sprintf("%s %.3f %.900s\n", os.Getenv("BERTH_WORKER"), float64(at.UnixMicro())/1e3, text)
	if fifo < 0 {
		return nil
	}
	_, err := syscall.Write(fifo, []byte(line))
	return err
}

// status is "begun" or "ended".
func mark(at time.Time, status, name string) {
	write(at, fmt.Sprintf("\t%s\t%.400s", status, name))
}

// A full FIFO is tried for a second: unlike a mark, a result must not be lost.
func result(name, status, problem string, seconds float64) {
	if status != "failed" {
		problem = "" // a line of its log
	}
	text := fmt.Sprintf("\t%s\t%.400s\t%.400s\t%.0f", status, name, problem, seconds*1e3)
	for tries := 0; tries < 100; tries++ {
		if write(time.Now(), text) != syscall.EAGAIN {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

var (
	problems = map[string]string{} // the first line of each running test's own output
	failing  = map[string]bool{}   // tests and packages with a failed test in them
	problem  = regexp.MustCompile(`^\s+(\S+\.go:\d+: .*)`)
)

func report(what event) {
	name := strings.TrimSuffix(what.Package+" "+what.Test, " ")
	if line := problem.FindStringSubmatch(what.Output); line != nil && problems[name] == "" {
		problems[name] = line[1]
	}
	// a test waits for the one inside of it
	parent := ""
	if slash := strings.LastIndexByte(what.Test, '/'); slash > 0 {
		parent = what.Package + " " + what.Test[:slash]
	}
	switch what.Action {
	case "run", "cont":
		if parent != "" {
			mark(what.Time, "ended", parent)
		}
		mark(what.Time, "begun", name)
	case "pause", "pass", "fail", "skip":
		mark(what.Time, "ended", name)
		if parent != "" {
			mark(what.Time, "begun", parent)
		}
	}
	status := map[string]string{"pass": "passed", "fail": "failed", "skip": "skipped"}[what.Action]
	if status == "" || what.Package == "" {
		return
	}
	// a test that fails by a test inside of it, or a package by a test, is no failure of its own
	if (what.Test != "" || status == "failed") && !failing[name] {
		result(name, status, problems[name], what.Elapsed)
	}
	delete(problems, name) // with -count it runs again
	delete(failing, name)
	if status != "failed" {
		return
	}
	failing[what.Package] = true
	for at := strings.LastIndexByte(name, '/'); at > len(what.Package); at = strings.LastIndexByte(name[:at], '/') {
		failing[name[:at]] = true
	}
}

func follow(text *bufio.Reader) {
	for {
		line, err := text.ReadBytes('\n')
		var what event
		if json.Unmarshal(line, &what) != nil {
			os.Stdout.Write(line) // go's own message about a build that failed
		} else {
			report(what)
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
	write(time.Now(), "")
	if err != nil {
		os.Exit(tests.ProcessState.ExitCode())
	}
}
