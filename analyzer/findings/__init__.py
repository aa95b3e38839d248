"""What is wrong, how badly, who can mend it, and the packets that show it.

A rule looks at the tables and names what it sees; `find` groups that into findings, one
for each thing to mend.
"""
