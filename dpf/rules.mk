# dpf/: the packet classifier. DPF is the library, linked into the kernel, the host tool
# and (builders) libnet; the rest is hosted.
# SPDX-License-Identifier: ISC
DPF := dpf/x86.c

DPF_TESTS := x86
DPF_TEST_BINS := $(DPF_TESTS:%=$(B)/s/dpf/test/%_test)

$(DPF_TEST_BINS): $(B)/s/dpf/test/%_test: $(B)/s/dpf/test/%_test.o $(DPF:%.c=$(B)/s/%.o)
	$(CC) $(SFLAGS) -o $@ $(filter %.o,$^) -lcmocka -lcapstone -lpcap

TESTDEPS += $(DPF_TEST_BINS)
TESTS += $(DPF_TEST_BINS)

# The library compiles freestanding and needs nothing but itself.
$(B)/k/dpf/dpf.o: $(DPF:%.c=$(B)/k/%.o) ; $(LD) -r -o $@ $^
