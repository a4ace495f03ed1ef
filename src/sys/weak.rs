// SPDX-License-Identifier: MIT OR Apache-2.0
//! Symbols that one libc has and another lacks: weak references, which stable Rust cannot say.

use core::arch::global_asm;
use core::ffi::{c_char, c_void};

/// How an assembler calls a pointer.
#[cfg(target_pointer_width = "64")]
macro_rules! pointer {
    ($symbol:literal) => {
        concat!(".8byte ", $symbol)
    };
}
#[cfg(target_pointer_width = "32")]
macro_rules! pointer {
    ($symbol:literal) => {
        concat!(".4byte ", $symbol)
    };
}

global_asm!(
    ".weak gnu_get_libc_version",
    ".weak __libc_version",
    ".weak __progname",
    ".weak __libc",
    ".weak backtrace",
    ".weak __you_tried_to_link_a_dietlibc_object_against_glibc",
    ".weak getauxval",
    ".weak tzset",
    ".weak setpwent",
    ".weak endpwent",
    ".weak setgrent",
    ".weak endgrent",
    ".weak sethostent",
    ".weak endhostent",
    ".weak setservent",
    ".weak endservent",
    ".weak setprotoent",
    ".weak endprotoent",
    ".weak syslog",
    ".weak daemon",
    ".weak getifaddrs",
    ".pushsection .data.rel.ro.rpledge_weak, \"aw\", @progbits",
    ".balign 8",
    ".hidden rpledge_weak",
    ".globl rpledge_weak",
    "rpledge_weak:",
    pointer!("gnu_get_libc_version"),
    pointer!("__libc_version"),
    pointer!("__progname"),
    pointer!("__libc"),
    pointer!("backtrace"),
    pointer!("__you_tried_to_link_a_dietlibc_object_against_glibc"),
    pointer!("getauxval"),
    pointer!("tzset"),
    pointer!("setpwent"),
    pointer!("endpwent"),
    pointer!("setgrent"),
    pointer!("endgrent"),
    pointer!("sethostent"),
    pointer!("endhostent"),
    pointer!("setservent"),
    pointer!("endservent"),
    pointer!("setprotoent"),
    pointer!("endprotoent"),
    pointer!("syslog"),
    pointer!("daemon"),
    pointer!("getifaddrs"),
    ".size rpledge_weak, . - rpledge_weak",
    ".popsection",
);

unsafe extern "C" {
    static rpledge_weak: [*const c_void; 21];
}

/// "2.36", of the glibc that this process runs on.
pub fn glibc_version() -> Option<&'static [u8]> {
    // SAFETY: the table is filled by the linker and the loader.
    let function = unsafe { rpledge_weak[0] };
    if function.is_null() {
        return None;
    }
    // SAFETY: gnu_get_libc_version(3), which returns a constant string.
    unsafe {
        let function: extern "C" fn() -> *const c_char = core::mem::transmute(function);
        Some(super::text::at(function()))
    }
}

/// "1.2.5", of a musl that is linked statically; it is hidden in a shared one.
pub fn musl_version() -> Option<&'static [u8]> {
    // SAFETY: as above; `const char __libc_version[]` of musl.
    unsafe { (!rpledge_weak[1].is_null()).then(|| super::text::at(rpledge_weak[1].cast())) }
}

/// Is a musl linked statically? Its `struct __libc` is in every such program,
/// its version only in one that asks for it.
pub fn has_musl() -> bool {
    // SAFETY: as above.
    unsafe { !rpledge_weak[3].is_null() }
}

/// Is a dietlibc linked? It is in every such program; no version is.
pub fn has_dietlibc() -> bool {
    // SAFETY: as above.
    unsafe { !rpledge_weak[5].is_null() }
}

/// Does a static program have syslog(3)? Others can have every function.
pub fn has_syslog() -> bool {
    // SAFETY: as above.
    unsafe { !rpledge_weak[18].is_null() }
}

/// Does a static program have daemon(3)?
pub fn has_daemon() -> bool {
    // SAFETY: as above.
    unsafe { !rpledge_weak[19].is_null() }
}

/// Does a static program have getifaddrs(3)? glibc brings it along with
/// if_nameindex(3), and both with more.
pub fn has_links() -> bool {
    // SAFETY: as above.
    unsafe { !rpledge_weak[20].is_null() }
}

/// Make glibc open libgcc_s.so.1, as pthread_cancel(3) and pthread_exit(3) do
/// when first needed: its backtrace(3) goes the same way (misc/unwind-link.c).
pub fn load_unwinder() {
    // SAFETY: as above.
    let function = unsafe { rpledge_weak[4] };
    if !function.is_null() {
        let mut frames = [core::ptr::null_mut::<c_void>(); 1];
        // SAFETY: `int backtrace(void **, int)`.
        unsafe {
            let function: extern "C" fn(*mut *mut c_void, core::ffi::c_int) -> core::ffi::c_int =
                core::mem::transmute(function);
            function(frames.as_mut_ptr(), 1);
        }
    }
}

/// What the kernel told the program at its start; 0 where it was not told, or
/// there is no getauxval(3).
pub fn told_at_start(what: libc::c_ulong) -> usize {
    // SAFETY: as above.
    let function = unsafe { rpledge_weak[6] };
    if function.is_null() {
        return 0;
    }
    // SAFETY: `unsigned long getauxval(unsigned long)`, which takes no lock.
    unsafe {
        let function: extern "C" fn(libc::c_ulong) -> libc::c_ulong =
            core::mem::transmute(function);
        function(what) as usize
    }
}

/// tzset(3), which a static program lacks if nothing in it knows time zones.
pub fn read_time_zone() {
    // SAFETY: as above.
    let function = unsafe { rpledge_weak[7] };
    if !function.is_null() {
        // SAFETY: `void tzset(void)`.
        unsafe {
            let function: extern "C" fn() = core::mem::transmute(function);
            function();
        }
    }
}

/// Pairs that open and close a database of names.
const USERS: [usize; 2] = [8, 10];
const HOSTS: [usize; 3] = [12, 14, 16];

/// Make glibc load the plug-ins of users and groups: setpwent(3) goes to each
/// that nsswitch.conf(5) names, and leaves what getpwnam(3) has returned alone.
pub fn load_users() {
    USERS.into_iter().for_each(open_and_close);
}

/// Likewise of hosts, services and protocols; nobody on the network is asked.
pub fn load_hosts() {
    HOSTS.into_iter().for_each(open_and_close);
}

fn open_and_close(at: usize) {
    // SAFETY: as above.
    let (open, close) = unsafe { (rpledge_weak[at], rpledge_weak[at + 1]) };
    if !open.is_null() && !close.is_null() {
        // SAFETY: `void setpwent(void)`, `void sethostent(int)` and their like:
        // an argument that is not taken does no harm in any C convention.
        unsafe {
            let open: extern "C" fn(core::ffi::c_int) = core::mem::transmute(open);
            let close: extern "C" fn() = core::mem::transmute(close);
            open(0);
            close();
        }
    }
}

/// The program's short name.
pub fn program_name() -> Option<&'static [u8]> {
    // SAFETY: `char *__progname` of glibc and musl; set before main.
    unsafe {
        let name = rpledge_weak[2].cast::<*const c_char>();
        (!name.is_null() && !(*name).is_null()).then(|| super::text::at(*name))
    }
}
