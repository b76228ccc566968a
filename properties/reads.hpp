#pragma once

#include <string>
#include <vector>

#include "properties/property.hpp"

namespace orrery {

/// Requests of the workload that show rows, and the rows. An answer 200 holds objects with the members `id`, `version`
/// and `shown`: as its body, or as its body's member `one` or members of the array `many`.
struct ShownRows {
  std::string name = "user";  // in sentences
  std::string table = "user_db.users";
  std::string id = "id";
  std::string version = "version";
  std::vector<std::string> shown = {"email", "name"};  // columns, and members of the same name
  std::string one = "user";
  std::string many = "users";
  std::string get = "get user";        // its text holds the id
  std::string change = "rename user";  // its text holds the id, and the new value of `changed`
  std::string changed = "name";
  std::string list = "list users";  // its text holds {limit, offset | after}
};

/// What a request shows is the state of the database at one moment between its beginning and its end: each row as a
/// commit left it, committed before the answer, and no older than the newest commit before the request. (Linearizable
/// reads of single rows: Herlihy and Wing, TOPLAS 12(3), 1990.) In particular
///   - an id that had been committed is never answered with 404;
///   - a change that was answered with 200 has been committed;
///   - a list shows no row twice and no more than asked for; a first page that is not full shows all rows there were.
/// Judged: each row shown, and each 404. For a database without replicas: one that reads from them would declare a
/// bound. Broken by: dirty or cached reads, an answer built from what the request asked for instead of what was
/// written, a change that is acknowledged before its commit or lost to a concurrent one, paging by a key that is not
/// unique.
[[nodiscard]] Check reads_show_committed_rows(const ShownRows& rows);

}  // namespace orrery
