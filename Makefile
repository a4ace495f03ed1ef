# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds, checks and installs rpledge; `make help` lists the targets.

CARGO   = cargo
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME  := librpledge.so.$(firstword $(subst ., ,$(VERSION)))

# Which C libraries to build for; the host's own comes first.
HOST_LIBC := $(shell scripts/libc-of "$(CC)" 2>/dev/null)
LIBCS     = $(sort $(HOST_LIBC) musl)
# Which of them to install.
LIBC      = $(HOST_LIBC)

# A C library that is not the host's keeps to directories of its own, named as
# its compiler looks for them.
FOREIGN    := $(if $(filter-out $(HOST_LIBC),$(LIBC)),/$(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))-linux-$(LIBC))
DESTDIR    =
PREFIX     = /usr/local
BINDIR     = $(PREFIX)/bin
LIBDIR     = $(PREFIX)/lib$(FOREIGN)
INCLUDEDIR = $(PREFIX)/include$(FOREIGN)
PKGDIR     = $(LIBDIR)/pkgconfig
MANDIR     = $(PREFIX)/share/man
INSTALL    = install
# Whose trigger install-triggers installs: pacman's where it lies by itself;
# otherwise what a packager needs.
TRIGGERS   = $(if $(shell command -v pacman 2>/dev/null),pacman,packager)
TRIGGERDIR = $(PREFIX)/share/rpledge/triggers
HOOKDIR    = $(PREFIX)/share/libalpm/hooks

# Which other architectures to build for.
ARCHS = aarch64 riscv64 x86
# Those whose programs do not run here; and kernels with each ABI of Landlock that Debian has.
EMULATED = $(filter-out x86,$(ARCHS))
KERNELS  = x86_64-bullseye x86_64-bookworm x86_64 x86_64-6.17 x86_64-7.0 x86_64-7.1 x86_64-sid aarch64-6.17

# The libcs that programs are run on here, as scripts/fetch-libcs names them.
TESTED = $(subst /,-,$(patsubst data/%/x86_64.toml,%,$(wildcard data/glibc/*/x86_64.toml data/musl/*/x86_64.toml)))

ARCHIVE  = target/capi/librpledge.a
COMMAND  = target/release/rpledge
SHARED   = librpledge.so.$(VERSION)
OVERLAY  = $(INCLUDEDIR)/rpledge-overlay
MANPAGES = $(wildcard man/*.[1-8])
# The checks ask for the same features, so that what one built serves the next.
GENERATE = $(CARGO) run --quiet --all-features --example header
# Integration tests that run long: these ask for the command's profile and features.
LONG     = filters decoders
# The others.
TESTS    = $(filter-out $(LONG),$(shell sed -n '/^\[\[test\]\]/,/^name/s/^name = "\(.*\)"/\1/p' Cargo.toml))

# What `make check` runs, in order; each is a target, counted by scripts/tally.
# Lints and builds lock other directories of cargo's, and each keeps a core busy.
# Where one waits and the other computes, a "+" runs them side by side.
CHECKS = check-fmt check-clippy+all check-rust check-filters+dns check-data check-constants check-man check-manual check-header \
         check-header-compiles check-symbols check-exceptions check-install check-examples \
         check-fileserver check-broker check-session check-serves check-trigger check-c conformance contract escapes check-drift check-traces check-unveil+check-decoders
# What `make check-live` runs: checks that need the network.
LIVE_CHECKS = check-syscalls check-data-all

.PHONY: unveil broker trigger-deb install-triggers install-triggers-pacman install-triggers-packager snapshots table check-snapshots command capi help header check test setup demo bench dist install uninstall clean FORCE check-live check-kernels check-unveil-kernels unveil-races check-archs check-yama capi-archs check-hidden check-programs check-decoders-all check-traces-all prove fuzz $(subst +, ,$(CHECKS)) $(LIVE_CHECKS)

all: command capi ## build the command and the C library, for every libc of LIBCS

command: ## build the command
	$(CARGO) build --release --bin rpledge

capi: $(LIBCS:%=target/capi/%/librpledge.a) ## build the C library

# One Rust archive serves every C library; cargo knows when it is stale.
$(ARCHIVE): FORCE
	$(CARGO) rustc --lib --profile capi --no-default-features --features capi --crate-type staticlib

target/capi/%/librpledge.a: $(ARCHIVE) scripts/artefacts scripts/api pkgconfig/rpledge.map
	scripts/artefacts $* $(ARCHIVE) $(VERSION) target/capi/$*

FORCE:

header: ## regenerate include/rpledge.h from src/ffi.rs
	$(GENERATE) >target/rpledge.h
	mv target/rpledge.h include/rpledge.h

check: ## run every check; C libraries that the network brings are skipped aloud without it
	@scripts/tally $(CHECKS)

check-live: ## run the checks that need the network
	@scripts/tally $(LIVE_CHECKS)

test: setup ## install what the checks need, then run them
	@$(MAKE) --no-print-directory check

setup: ## install what is missing (Debian)
	@scripts/setup

check-fmt: ## formatting
	$(CARGO) fmt --check

check-clippy: ## lints
	$(CARGO) clippy --quiet --all-targets --all-features -- -D warnings

check-rust: ## unit tests
	$(CARGO) test --quiet --all-features --lib --bins $(TESTS:%=--test %)

check-filters: ## filters against their policies and libseccomp's
	$(CARGO) test --quiet --release --test filters

check-data: command ## the database's linter
	$(COMMAND) data check

check-constants: ## the data's names of numbers, against this machine's headers
	@scripts/check-constants

check-syscalls: ## the system call numbers, against libseccomp's own
	scripts/check-syscalls

check-data-all: check-data check-snapshots ## the linter, and each snapshot extracted again: slow

check-snapshots: command ## each snapshot, extracted again from its packages
	scripts/check-snapshots

snapshots: command ## take what check-snapshots finds to differ
	scripts/check-snapshots --update

table: command ## the libcs in the data: functions, system call sites, size of the closures
	@mkdir -p target/traces
	@touch target/traces/verdict
	@$(COMMAND) data table --data data --verdict target/traces/verdict

check-man: ## the manual's linter
	mandoc -Tlint -Wwarning $(MANPAGES)

check-manual: ## does the manual list what the source has?
	@scripts/check-manual

check-examples: capi ## the programs of the manual and of README
	@scripts/check-examples $(LIBCS)

check-header: ## is include/rpledge.h what src/ffi.rs says?
	@mkdir -p target
	@$(GENERATE) >target/rpledge.h
	@diff -u include/rpledge.h target/rpledge.h || \
		{ echo "include/rpledge.h is out of date: run make header"; exit 1; }

check-header-compiles: ## every C and C++ standard, every compiler here
	@scripts/check-header-compiles

check-symbols: capi ## names exported, names needed
	@scripts/check-symbols $(VERSION) $(SONAME) $(LIBCS)

check-exceptions: capi ## C++ exceptions in programs that link the archive
	@scripts/check-exceptions $(ARCHIVE) $(LIBCS)

check-install: all ## staged installs, used through pkg-config alone
	@scripts/check-install $(VERSION) $(LIBCS)

check-c: capi ## C programs, in every link mode, on every libc
	@ctests/run cases

contract: all ## what functions do under the promises that programs expect them to need, on every libc
	-@scripts/fetch-libcs $$(scripts/check-contract --libcs)
	@scripts/check-contract

conformance: capi ## each promise and each limit in the data: allowed, and denied
	@scripts/check-conformance

dns: command capi ## names resolved under "stdio dns", by a name server of one's own; as root
	-@scripts/fetch-libcs $(filter glibc% musl%,$(TESTED))
	@scripts/check-dns

broker: capi ## the broker's life, with all rounds
	@scripts/check-broker $(LIBCS)

check-broker: capi ## the broker's life, in few rounds
	@scripts/check-broker quick $(LIBCS)

check-session: capi ## a shell at a terminal, bare and pledged
	@scripts/check-session

check-yama: capi ## who is served under each scope of Yama, in virtual machines; slow
	@scripts/setup --slow
	-@scripts/fetch-kernels x86_64-bookworm x86_64
	@scripts/check-yama $(LIBCS)

escapes: capi ## ways out of a filter: each works bare, and under no promises
	@scripts/check-escapes

check-kernels: capi ## conformance on other kernels, from 5.10 to the newest, in virtual machines; slow
	@scripts/setup --slow
	-@scripts/fetch-kernels x86_64-bullseye x86_64-bookworm x86_64 x86_64-sid
	@scripts/check-elsewhere kernels

capi-archs: ## build the C library for the architectures of ARCHS, with Debian's compiler
	@scripts/setup --slow
	for arch in $(ARCHS); do scripts/build-arch $$arch $(VERSION) || exit 1; done

check-archs: capi-archs ## contract, escapes, the C tests and the broker's life on other architectures, in virtual machines; slow
	-@scripts/fetch-libcs $(ARCHS:%='glibc-*-%') $(ARCHS:%='musl-*-%')
	-@scripts/fetch-kernels $(EMULATED) $(patsubst %,%-sh,$(EMULATED))
	@scripts/check-elsewhere archs $(ARCHS)

unveil: capi ## the rules of unveil(2), as root and as a user, on every libc
	@scripts/check-unveil

# Most of its time goes by in waiting: beside it there is time for others.
check-unveil: capi ## the same on one of glibc and one of musl
	@RPLEDGE_TEST_LIBC="$${RPLEDGE_TEST_LIBC:-glibc-2.36-dynamic musl-1.2.6-static}" scripts/check-unveil

unveil-races: capi ## the races of unveil(2), 10^6 rounds each; slow
	@scripts/check-unveil --races

check-unveil-kernels: capi ## the same where Landlock holds other rights or none, and on the architectures of ARCHS, in virtual machines; slow
	@scripts/setup --slow
	@$(MAKE) --no-print-directory capi-archs ARCHS="$(EMULATED)"
	-@scripts/fetch-libcs $(patsubst %,'glibc-*-%',$(EMULATED)) $(patsubst %,'musl-*-%',$(EMULATED))
	-@scripts/fetch-kernels $(KERNELS) $(EMULATED) $(patsubst %,%-sh,$(EMULATED))
	@scripts/check-unveil --kernels

check-programs: capi ## programs from Debian's sources, bare, pledged and veiled: their own tests; slow
	@scripts/setup --programs
	@scripts/check-programs

prove: ## z3: filters are their policies for all arguments of all calls
	@scripts/prove

# How long the targets of `make fuzz` run, together.
SECONDS = 600
fuzz: ## run the fuzz targets, SECONDS in all; slow
	@scripts/fuzz $(SECONDS)

check-traces: command ## what libc functions were seen to call, against the data
	-@scripts/fetch-libcs $$(scripts/check-traces --list)
	@scripts/check-traces

check-traces-all: command ## the same on every architecture, in virtual machines; slow
	@scripts/setup --slow
	-@scripts/fetch-libcs $$(scripts/check-traces --all --list)
	-@scripts/fetch-kernels
	@scripts/check-traces --all

check-decoders: ## each decoder, against a second one, over the code of the C libraries that are there
	-@scripts/fetch-libcs $(TESTED)
	$(CARGO) test --quiet --release --test decoders

check-decoders-all: ## the same, with libcs of every architecture; slow
	-@scripts/fetch-libcs $(subst /,-,$(patsubst data/%.toml,%,$(wildcard data/glibc/2.41/*.toml data/musl/1.2.5/*.toml)))
	$(CARGO) test --quiet --release --test decoders

check-drift: command ## what libcs do in other ways from version to version: the data, its diff, the promises
	@scripts/check-drift

check-serves: all ## which data serves: files of libcs, trusted and not
	@scripts/check-serves $(LIBCS)

check-trigger: all ## dpkg replaces the libc under pledged programs
	@scripts/check-trigger $(VERSION)

check-fileserver: capi ## the example daemon: requests, refusals, shutdown
	@scripts/check-fileserver $(LIBCS)

demo: ## from nothing to a pledged daemon, its files and its violation
	@scripts/demo

check-hidden: ## the C tests on libcs that are taken out of the data (slow)
	@scripts/check-hidden

bench: ## measure; prints ratios
	$(CARGO) bench --features capi

install: command target/capi/$(LIBC)/librpledge.a ## install for LIBC under DESTDIR PREFIX LIBDIR INCLUDEDIR ...
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR) $(DESTDIR)$(PKGDIR) $(DESTDIR)$(OVERLAY)/sys
	$(INSTALL) -m 755 $(COMMAND) $(DESTDIR)$(BINDIR)/rpledge
	$(INSTALL) -m 644 target/capi/$(LIBC)/librpledge.a $(DESTDIR)$(LIBDIR)/librpledge.a
	$(INSTALL) -m 755 target/capi/$(LIBC)/$(SHARED) $(DESTDIR)$(LIBDIR)/$(SHARED)
	ln -sf $(SHARED) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/librpledge.so
	$(INSTALL) -m 644 include/rpledge.h $(DESTDIR)$(INCLUDEDIR)/rpledge.h
	$(INSTALL) -m 644 include/overlay/unistd.h $(DESTDIR)$(OVERLAY)/unistd.h
	$(INSTALL) -m 644 include/overlay/sys/socket.h $(DESTDIR)$(OVERLAY)/sys/socket.h
	for pc in rpledge rpledge-overlay; do scripts/pc $$pc \
		PREFIX=$(PREFIX) LIBDIR=$(LIBDIR) INCLUDEDIR=$(INCLUDEDIR) VERSION=$(VERSION) LIBC=$(LIBC) \
		>$(DESTDIR)$(PKGDIR)/$$pc.pc || exit 1; done
	for page in $(MANPAGES); do $(INSTALL) -D -m 644 $$page \
		$(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit 1; done

trigger-deb: ## the package that has dpkg's trigger
	mkdir -p target
	scripts/make-trigger-deb $(VERSION) target/rpledge-libc-data_$(VERSION)_all.deb

install-triggers: install-triggers-$(TRIGGERS) ## what extracts data when a package brings a libc

install-triggers-pacman:
	$(INSTALL) -d $(DESTDIR)$(HOOKDIR)
	sed 's|@BINDIR@|$(BINDIR)|' pkg/pacman/rpledge-libc.hook.in >$(DESTDIR)$(HOOKDIR)/rpledge-libc.hook

install-triggers-packager:
	for file in $(wildcard pkg/*/*); do $(INSTALL) -D -m 644 $$file \
		$(DESTDIR)$(TRIGGERDIR)/$${file#pkg/} || exit 1; done

uninstall: ## remove what install and install-triggers put there
	rm -f $(DESTDIR)$(HOOKDIR)/rpledge-libc.hook
	rm -f $(patsubst pkg/%,$(DESTDIR)$(TRIGGERDIR)/%,$(wildcard pkg/*/*))
	rm -f $(DESTDIR)$(BINDIR)/rpledge $(DESTDIR)$(INCLUDEDIR)/rpledge.h
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,librpledge.a librpledge.so $(SONAME) $(SHARED))
	rm -f $(addprefix $(DESTDIR)$(PKGDIR)/,rpledge.pc rpledge-overlay.pc)
	rm -rf $(DESTDIR)$(OVERLAY)
	for page in $(MANPAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/}; done

dist: ## a source archive of the last commit, and its checksum
	mkdir -p target
	git archive --prefix=rpledge-$(VERSION)/ HEAD | xz -9 >target/rpledge-$(VERSION).tar.xz
	cd target && sha256sum rpledge-$(VERSION).tar.xz | tee rpledge-$(VERSION).tar.xz.sha256

clean: ## remove what was built
	rm -rf target

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/\1	\2/p' Makefile | expand -t 24
