#pragma once

namespace orrery::services {

/// The read models of "query_db", "album_db" and "notice_db". Statements end with ';'.
extern const char* const kMediaSchema;
extern const char* const kAlbumSchema;
extern const char* const kNoticeSchema;

}  // namespace orrery::services
