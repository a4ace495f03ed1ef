// SPDX-License-Identifier: MIT OR Apache-2.0
#![cfg_attr(not(any(test, feature = "facts")), no_std)]
#![deny(unsafe_code)]
pub mod arch;
#[cfg(feature = "extract")]
#[doc(hidden)]
pub mod extract;
#[cfg(feature = "facts")]
#[doc(hidden)]
pub mod facts;
#[cfg(feature = "capi")]
#[doc(hidden)]
pub mod ffi;
pub mod promise;
// Where std is linked (tests, the data language) its own runtime serves.
#[cfg(all(feature = "capi", not(any(test, feature = "facts"))))]
mod rt;
