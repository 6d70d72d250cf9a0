# The ring: nothing to link, it is a header. Its unit tests and its model.
# The unit tests are built three times, check-ring-plain, check-ring-address, check-ring-thread, and once more for check-arm64.

RING_TESTS := plain address thread
RING_SANITIZE_address := -fsanitize=address,undefined -fno-sanitize-recover=all
RING_SANITIZE_thread  := -fsanitize=thread
RING_SANITIZE_arm64   := $(ARM64_LDFLAGS)

$B/unit/ring-arm64: | $(ARM64_ROOT)
$(RING_TESTS:%=$B/unit/ring-%) $B/unit/ring-arm64: $B/unit/ring-%: tests/unit/ring.c tests/unit/ring_threads.c tests/unit/ring_test.h ring/ring.h
	@mkdir -p $(@D)
	@$(CLANG) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) $(RING_SANITIZE_$*) -I. $(filter %.c,$^) -lcmocka -pthread -o $@

.PHONY: check-ring check-labels $(RING_TESTS:%=check-ring-%)
check-ring: $(RING_TESTS:%=check-ring-%) ## the ring's unit tests: plain, with sanitizers, with the thread sanitizer
$(RING_TESTS:%=check-ring-%): check-ring-%: $B/unit/ring-%
	@timeout 300 $<

check-labels: ## the ring's ordering labels: list, code and docs/protocol.md name the same ones
	@$(PYTHON) tests/unit/labels.py

# The Spin model of the ring (ring/model/ring.pml): its configurations exhaustively, then every mutation must be found.
.PHONY: check-model check-model-labels
check-model:
	@ring/model/run

check-model-labels: ## the ring's ordering labels: ring.h and its model name the same ones
	@ring/model/labels
