# core: compiled once for our own processes; the shim and the BPF programs compile it again for themselves
CORE_SRC := $(wildcard core/*.c)
CORE_OBJ := $(CORE_SRC:%.c=$(O)/%.o)
