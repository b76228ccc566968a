# Rsvg::Rsvg: librsvg and cairo, which draw an SVG document into an image.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(Rsvg QUIET librsvg-2.0>=2.52 cairo-png)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Rsvg REQUIRED_VARS Rsvg_LINK_LIBRARIES VERSION_VAR Rsvg_librsvg-2.0_VERSION)

if(Rsvg_FOUND AND NOT TARGET Rsvg::Rsvg)
  add_library(Rsvg::Rsvg INTERFACE IMPORTED)
  # Not the flags that pkg-config names besides: -pthread would not fit the precompiled header.
  set_target_properties(Rsvg::Rsvg PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${Rsvg_INCLUDE_DIRS}"
                                              INTERFACE_LINK_LIBRARIES "${Rsvg_LINK_LIBRARIES}")
endif()
