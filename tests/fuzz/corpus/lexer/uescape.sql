select "pid" from u&"pg!005fstat_activity" uescape '!' where U&"d\0061tname" = E'm\x65s' and "a""b" = U&'\006des'
