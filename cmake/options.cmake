# How this repository's own code is compiled. It does not apply where Orrery is a part of another build.

find_program(ORRERY_CCACHE ccache)
if(ORRERY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Dependencies from the compiler instead of a second preprocessor run; sloppiness as ccache's manual asks for where
  # headers are precompiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_DEPEND=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${ORRERY_CCACHE}")
endif()

include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=lld ORRERY_HAS_LLD)
if(ORRERY_HAS_LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers)
# g++ 12 and 13 see overlapping copies in std::string where there are none (GCC bug 105651).
add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
option(ORRERY_WERROR "A warning is an error" ON)
if(ORRERY_WERROR)
  add_compile_options(-Werror)
  # With optimisation g++ 12 sees uninitialised and dangling memory in coroutine frames where there is none; it may say so.
  # Without (the preset gcc-debug) every warning counts.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
    add_compile_options(-Wno-error)
  endif()
endif()

# The same arithmetic everywhere: compilers differ in whether they fuse a*b+c and in the sign of char.
add_compile_options(-ffp-contract=off -fsigned-char)

# __FILE__ and std::source_location name a file as an include does, "sim/kernel.cpp", in every build (layers.cmake does the
# same for headers, which are reached through windows).
add_compile_options("-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")

# What is read by nearly every file is read once. ./check --long builds without too, so that each file is known to include what
# it uses.
option(ORRERY_PRECOMPILE "Precompile the headers of other projects" ON)
if(ORRERY_PRECOMPILE)
  add_compile_options("$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endif()

# orrery_precompile(<target> [LIBRARIES <target>...] HEADERS <header>...): makes a target to share precompiled headers from.
function(orrery_precompile target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBRARIES;HEADERS")
  if(NOT ORRERY_PRECOMPILE)
    return()
  endif()
  file(WRITE "${PROJECT_BINARY_DIR}/${target}.cpp" "")
  add_library(${target} OBJECT "${PROJECT_BINARY_DIR}/${target}.cpp")
  target_compile_features(${target} PRIVATE cxx_std_20)
  target_link_libraries(${target} PRIVATE ${arg_LIBRARIES})
  target_precompile_headers(${target} PRIVATE ${arg_HEADERS})
endfunction()

# orrery_use_precompiled(<target> <shared>)
function(orrery_use_precompiled target shared)
  if(TARGET ${shared})
    target_precompile_headers(${target} REUSE_FROM ${shared})
  endif()
endfunction()
