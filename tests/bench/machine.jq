# Tells of a result on what kind of machine it was measured, and when.
def kind:
	if .processor | test("QEMU") then "emulated machine (QEMU, no KVM)"
	elif .virtual then "virtual machine" else "machine" end;
def cgroups: {"v1": "cgroup v1", "v2": "cgroup v2", "hybrid": "hybrid cgroups (v1 controllers)"}[.] // .;
"\(.machine.processors)-core \(.machine | kind), kernel \(.machine.kernel | split(".")[:2] | join(".")), \(.machine.cgroups | cgroups), \(.date[:10])"
