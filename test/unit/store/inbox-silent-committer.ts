// A thread that never says that it is open.
for (;;);
