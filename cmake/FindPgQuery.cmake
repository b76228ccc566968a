# PgQuery::PgQuery: libpg_query, PostgreSQL's own parser as a library, with the protobuf-c headers its parse tree needs.
find_path(PgQuery_INCLUDE_DIR pg_query.h)
find_path(PgQuery_PROTOBUF_C_INCLUDE_DIR protobuf-c/protobuf-c.h)
find_library(PgQuery_LIBRARY pg_query)
find_library(PgQuery_PROTOBUF_C_LIBRARY protobuf-c)
mark_as_advanced(PgQuery_INCLUDE_DIR PgQuery_PROTOBUF_C_INCLUDE_DIR PgQuery_LIBRARY PgQuery_PROTOBUF_C_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  PgQuery REQUIRED_VARS PgQuery_LIBRARY PgQuery_INCLUDE_DIR PgQuery_PROTOBUF_C_LIBRARY PgQuery_PROTOBUF_C_INCLUDE_DIR)

if(PgQuery_FOUND AND NOT TARGET PgQuery::PgQuery)
  add_library(PgQuery::PgQuery UNKNOWN IMPORTED)
  set_target_properties(
    PgQuery::PgQuery
    PROPERTIES IMPORTED_LOCATION "${PgQuery_LIBRARY}"
               INTERFACE_INCLUDE_DIRECTORIES "${PgQuery_INCLUDE_DIR};${PgQuery_PROTOBUF_C_INCLUDE_DIR}"
               INTERFACE_LINK_LIBRARIES "${PgQuery_PROTOBUF_C_LIBRARY}")
endif()
