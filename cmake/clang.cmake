# The newest clang that Debian and Ubuntu package under a versioned name (see packages.txt).
find_program(ORRERY_CLANG NAMES clang++-19 clang++-18 clang++ REQUIRED)
set(CMAKE_CXX_COMPILER "${ORRERY_CLANG}")
