#pragma once

/// Whether this is compiled with AddressSanitizer: g++ and clang say it differently.
#if defined(__SANITIZE_ADDRESS__)
#define ORRERY_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ORRERY_ADDRESS_SANITIZER 1
#endif
#endif
