# How this repository's own code is compiled. It does not apply where Orrery is a part of another build.

find_program(ORRERY_CCACHE ccache)
if(ORRERY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${ORRERY_CCACHE}")
endif()

include(CheckLinkerFlag)
check_linker_flag(CXX -fuse-ld=lld ORRERY_HAS_LLD)
if(ORRERY_HAS_LLD)
  add_link_options(-fuse-ld=lld)
endif()

add_compile_options(-Wall -Wextra -Wno-missing-field-initializers)
option(ORRERY_WERROR "A warning is an error" ON)
if(ORRERY_WERROR)
  add_compile_options(-Werror)
endif()

# The same arithmetic everywhere: compilers differ in whether they fuse a*b+c and in the sign of char.
add_compile_options(-ffp-contract=off -fsigned-char)

# __FILE__ and std::source_location name a file as an include does, "sim/kernel.cpp", in every build (layers.cmake does the
# same for headers, which are reached through windows).
add_compile_options("-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
