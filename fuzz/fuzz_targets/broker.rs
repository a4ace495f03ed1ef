// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests to a broker from memory that changes at each look; scripts/fuzz gives it a network and a /tmp of its own.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| rpledge::broker::hostile::requests(bytes));
