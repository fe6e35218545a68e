# pcap-tests/: traces, replayed on the host and through the appliance.
# SPDX-License-Identifier: ISC
REPLAY := $(addprefix pcap-tests/,replay.c trace.c flow.c http.c hosts.c packet.c wire.c)

$(B)/replay: $(REPLAY:%.c=$(B)/s/%.o) ; $(CC) $(SFLAGS) -o $@ $^ -lpcap
MANGLE := $(addprefix pcap-tests/,mangle.c trace.c packet.c)
$(B)/mangle: $(MANGLE:%.c=$(B)/s/%.o) ; $(CC) $(SFLAGS) -o $@ $^ -lpcap
TESTDEPS += $(B)/mangle
TESTDEPS += $(B)/replay
TESTS += "pcap-tests/peer_test.sh $(B)/replay $(B)/mangle"

# The web server's files of the recording, in place of the appliance's.
$(B)/recorded/www.tar: $(wildcard pcap-tests/www/*)
	@mkdir -p $(@D); tar --format=ustar --sort=name --mtime=@0 --owner=0 --group=0 \
	  --numeric-owner -C pcap-tests/www -cf $@ $(notdir $^)
RECORDED = $(B)/kernel.elf $(patsubst %/www.tar,%/recorded/www.tar,$(MODULES))
REPLAY_RAW := pcap-tests/appliance_test.sh -r $(B)/replay $(B)/mangle $(B)/dpf $(B)/kernel.elf $(B)/raw.img
TESTS += "$(REPLAY_RAW)"
ifneq ($(MODULES),)
TESTDEPS += $(B)/recorded/www.tar
REPLAY_ALL = pcap-tests/appliance_test.sh $(B)/replay $(B)/mangle $(B)/dpf $(call quoted,$(RECORDED))
TESTS += "$(REPLAY_ALL)"
# The two by themselves.
replay: all $(B)/replay $(B)/mangle $(B)/recorded/www.tar ; @sh -c "$(REPLAY_ALL)"; sh -c "$(REPLAY_RAW)"
.PHONY: replay
endif

# The tables, on the host; and what filters cost on these frames.
TESTS += "pcap-tests/host_test.sh $(B)/dpf-checked"
BENCH += "pcap-tests/bench.sh $(B)/dpf"
