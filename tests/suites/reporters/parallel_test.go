// SPDX-License-Identifier: MIT
//go:build parallel

package harbour

import (
	"sync"
	"testing"
)

var both sync.WaitGroup

// Each forgets a server while the other runs.
func forget(t *testing.T, port string) {
	t.Parallel()
	both.Done()
	both.Wait()
	startServer(t, port)
}

func TestParallel3171(t *testing.T) { forget(t, "3171") }
func TestParallel3172(t *testing.T) { forget(t, "3172") }

func init() { both.Add(2) }
