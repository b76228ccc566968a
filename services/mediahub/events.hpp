#pragma once

#include <string_view>

namespace orrery::services {

/// What is written down in MediaHub: everything that a service knows is the sum of these. The comments say what `data` has.
inline constexpr std::string_view kMediaUploaded = "MediaUploaded";  // owner, filename, content_type, size, file, sha256
inline constexpr std::string_view kMediaProcessed = "MediaProcessed";                // owner, thumbnail, saga_id
inline constexpr std::string_view kMediaProcessingFailed = "MediaProcessingFailed";  // owner, reason, saga_id
inline constexpr std::string_view kMediaDeleted = "MediaDeleted";                    // owner
inline constexpr std::string_view kMediaCompensated = "MediaCompensated";            // owner, reason, saga_id: it is disabled
inline constexpr std::string_view kAlbumCreated = "AlbumCreated";                    // owner, name, default
inline constexpr std::string_view kAlbumDeleted = "AlbumDeleted";                    // owner
inline constexpr std::string_view kMediaAddedToAlbum = "MediaAddedToAlbum";          // owner, media_id, saga_id
inline constexpr std::string_view kMediaRemovedFromAlbum = "MediaRemovedFromAlbum";  // owner, media_id, saga_id, compensation
inline constexpr std::string_view kNotificationSent = "NotificationSent";  // owner, media_id, saga_id, text

inline constexpr std::string_view kMedia = "Media";  // aggregate types
inline constexpr std::string_view kAlbum = "Album";
inline constexpr std::string_view kUser = "User";

}  // namespace orrery::services
