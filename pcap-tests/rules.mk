# pcap-tests/: traces, replayed on the host and through the appliance.
# SPDX-License-Identifier: ISC
REPLAY := $(addprefix pcap-tests/,replay.c trace.c flow.c http.c hosts.c packet.c wire.c)

$(B)/replay: $(REPLAY:%.c=$(B)/s/%.o) ; $(CC) $(SFLAGS) -o $@ $^ -lpcap
TESTDEPS += $(B)/replay
TESTS += "pcap-tests/peer_test.sh $(B)/replay"
