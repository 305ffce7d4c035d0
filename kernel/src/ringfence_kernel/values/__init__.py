"""Values: ids, money, time and the base of all refusals; they import nothing of the kernel but each other."""
