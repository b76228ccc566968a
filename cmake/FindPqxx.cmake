# Pqxx::Pqxx: libpqxx, the C++ client of PostgreSQL, over libpq.
find_path(Pqxx_INCLUDE_DIR pqxx/version.hxx)
find_path(Pqxx_PQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql)
find_library(Pqxx_LIBRARY pqxx)
find_library(Pqxx_PQ_LIBRARY pq)
mark_as_advanced(Pqxx_INCLUDE_DIR Pqxx_PQ_INCLUDE_DIR Pqxx_LIBRARY Pqxx_PQ_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Pqxx REQUIRED_VARS Pqxx_LIBRARY Pqxx_INCLUDE_DIR Pqxx_PQ_LIBRARY Pqxx_PQ_INCLUDE_DIR)

if(Pqxx_FOUND AND NOT TARGET Pqxx::Pqxx)
  add_library(Pqxx::Pqxx UNKNOWN IMPORTED)
  set_target_properties(
    Pqxx::Pqxx
    PROPERTIES IMPORTED_LOCATION "${Pqxx_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${Pqxx_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES "${Pqxx_PQ_LIBRARY}")
endif()
