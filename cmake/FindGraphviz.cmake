# Graphviz::Graphviz: cgraph and gvc, and the two plugins that draw with "dot" and write text. They are linked, not loaded through
# graphviz' own configuration file, so that a picture does not depend on which other plugins are installed.
find_path(Graphviz_INCLUDE_DIR gvc.h PATH_SUFFIXES graphviz)
find_library(Graphviz_GVC_LIBRARY gvc)
find_library(Graphviz_CGRAPH_LIBRARY cgraph)
find_library(Graphviz_DOT_LIBRARY gvplugin_dot_layout PATH_SUFFIXES graphviz)
find_library(Graphviz_CORE_LIBRARY gvplugin_core PATH_SUFFIXES graphviz)
set(Graphviz_VARIABLES Graphviz_INCLUDE_DIR Graphviz_GVC_LIBRARY Graphviz_CGRAPH_LIBRARY Graphviz_DOT_LIBRARY Graphviz_CORE_LIBRARY)
mark_as_advanced(${Graphviz_VARIABLES})

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Graphviz REQUIRED_VARS ${Graphviz_VARIABLES})

if(Graphviz_FOUND AND NOT TARGET Graphviz::Graphviz)
  add_library(Graphviz::Dot UNKNOWN IMPORTED)
  set_target_properties(Graphviz::Dot PROPERTIES IMPORTED_LOCATION "${Graphviz_DOT_LIBRARY}")
  add_library(Graphviz::Core UNKNOWN IMPORTED)
  set_target_properties(Graphviz::Core PROPERTIES IMPORTED_LOCATION "${Graphviz_CORE_LIBRARY}")
  add_library(Graphviz::Graphviz UNKNOWN IMPORTED)
  set_target_properties(
    Graphviz::Graphviz
    PROPERTIES IMPORTED_LOCATION "${Graphviz_GVC_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${Graphviz_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES "${Graphviz_CGRAPH_LIBRARY};Graphviz::Dot;Graphviz::Core")
endif()
