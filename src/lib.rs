// SPDX-License-Identifier: MIT OR Apache-2.0
#![cfg_attr(not(any(test, feature = "facts")), no_std)]
#![deny(unsafe_code)]
pub mod arch;
pub mod promise;
#[cfg(feature = "facts")]
#[doc(hidden)]
pub mod facts;
#[cfg(feature = "extract")]
#[doc(hidden)]
pub mod extract;
