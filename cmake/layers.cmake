# orrery_layer(<folder> [USES <layer>...] [LIBRARIES <target>...])
#
# Makes the library orrery::<folder> of everything in the folder (header-only if it has no .cpp; nothing at all if it has
# no source yet). Its include window is the directory build/<preset>/windows/<folder>, whose only entry is a link to the
# folder: so `#include "<folder>/x.hpp"` is found by this layer and by those that use it, and by nobody else.
function(orrery_layer layer)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "USES;LIBRARIES")
  set(folder "${PROJECT_SOURCE_DIR}/${layer}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${folder}/*.hpp")
  if(NOT sources AND NOT headers)
    return()
  endif()
  list(REMOVE_ITEM sources "${folder}/main.cpp")

  set(target orrery_${layer})
  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    if(TARGET orrery_common)
      target_precompile_headers(${target} REUSE_FROM orrery_common)
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(orrery::${layer} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${layer})
  target_compile_features(${target} ${scope} cxx_std_20)

  orrery_window(${target} ${scope} ${layer})
  target_include_directories(${target} ${scope} "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/orrery>")
  foreach(used IN LISTS arg_USES)
    if(TARGET orrery_${used})
      target_link_libraries(${target} ${scope} orrery_${used})
    endif()
  endforeach()
  target_link_libraries(${target} ${scope} ${arg_LIBRARIES})

  install(TARGETS ${target} EXPORT orreryTargets)
  install(DIRECTORY "${folder}/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/orrery/${layer}"
          FILES_MATCHING PATTERN "*.hpp")
  set_property(GLOBAL APPEND PROPERTY ORRERY_LAYERS ${layer})
endfunction()

# orrery_window(<target> <scope> <folder>): makes the include window of a folder and opens it to the target.
function(orrery_window target scope folder)
  set(window "${PROJECT_BINARY_DIR}/windows/${folder}")
  file(MAKE_DIRECTORY "${window}")
  file(CREATE_LINK "${PROJECT_SOURCE_DIR}/${folder}" "${window}/${folder}" SYMBOLIC)
  target_include_directories(${target} ${scope} "$<BUILD_INTERFACE:${window}>")
  # So that __FILE__ in a header is "<folder>/x.hpp". Of two prefixes that fit, the later on the command line counts.
  target_compile_options(${target} ${scope} "$<BUILD_INTERFACE:-fmacro-prefix-map=${window}/=>")
endfunction()
