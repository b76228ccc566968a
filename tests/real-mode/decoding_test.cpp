#include "real-mode/decoding.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>

namespace orrery::real {
namespace {

DecodingReader::Shapes shapes() {
  auto shape = std::make_shared<RowShape>();
  shape->columns = {"id", "name", "n", "done", "tags"};
  return {{"things", shape}};
}

TEST(Decoding, AnInsertHasItsRowInTheTablesOrder) {
  const auto known = shapes();
  DecodingReader reader(known);
  reader.line("BEGIN 693");
  reader.line("table public.things: INSERT: id[uuid]:'6f2c' name[text]:'O''Neill: [x]''s ' n[integer]:-7 done[boolean]:true "
              "tags[text[]]:'{a,b}'");
  reader.line("message: transactional: 1 prefix: orrery, sz: 10 content:user-1.2#3");
  reader.line("COMMIT 693 (at 2026-01-02 03:04:05.6789+00)", 4711);
  const auto transactions = reader.take();
  ASSERT_EQ(transactions.size(), 1u);
  EXPECT_EQ(transactions[0].id, 693u);
  EXPECT_EQ(transactions[0].session, "user-1.2#3");
  EXPECT_EQ(transactions[0].end, 4711u);
  EXPECT_EQ(to_rfc3339(transactions[0].committed_at), "2026-01-02T03:04:05.678900Z");
  ASSERT_EQ(transactions[0].changes.size(), 1u);
  const RowChange& change = transactions[0].changes[0];
  EXPECT_EQ(change.operation, RowOperation::insert);
  EXPECT_EQ(change.new_row()["name"].text(), "O'Neill: [x]'s ");
  EXPECT_EQ(change.new_row()["n"], SqlValue(-7));
  EXPECT_EQ(change.new_row()["done"], SqlValue(true));
  EXPECT_EQ(change.new_row()["tags"].text(), "{a,b}");
  EXPECT_TRUE(change.before.empty());
}

TEST(Decoding, AnUpdateHasBothRowsAndWhatDidNotChange) {
  const auto known = shapes();
  DecodingReader reader(known);
  reader.line("BEGIN 1");
  reader.line("table public.things: UPDATE: old-key: id[uuid]:'a' name[text]:'long' new-tuple: id[uuid]:'a' "
              "name[text]:unchanged-toast-datum n[integer]:1 done[boolean]:null tags[text[]]:null");
  reader.line("table public.things: DELETE: id[uuid]:'a' name[text]:'long'");
  reader.line("COMMIT 1 (at 2026-01-02 03:04:05+00)");
  const auto transactions = reader.take();
  const RowChange& update = transactions.at(0).changes.at(0);
  EXPECT_TRUE(update.old_row()["n"].is_null());
  EXPECT_EQ(update.new_row()["name"].text(), "long");
  EXPECT_EQ(update.new_row()["n"], SqlValue(1));
  EXPECT_EQ(transactions[0].changes.at(1).operation, RowOperation::remove);
  EXPECT_EQ(transactions[0].changes[1].old_row()["id"].text(), "a");
}

TEST(Decoding, WhatIsNotUnderstoodEndsTheReading) {
  const auto known = shapes();
  DecodingReader reader(known);
  reader.line("BEGIN 1");
  EXPECT_THROW(reader.line("table public.things: TRUNCATE: (no-flags)"), std::runtime_error);
  EXPECT_THROW(reader.line("table public.others: INSERT: id[integer]:1"), std::runtime_error);
  EXPECT_THROW(reader.line("table public.things: INSERT: other[integer]:1"), std::runtime_error);
  EXPECT_THROW(reader.line("table public.things: INSERT: name[text]:'open"), std::runtime_error);
}

}  // namespace
}  // namespace orrery::real
