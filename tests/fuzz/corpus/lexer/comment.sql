select 1 from mes /* */ -- own
 .a.le