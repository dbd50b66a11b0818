select $1E'a\'b', 1 from mes.a.b where E'x'
'\'' = 1