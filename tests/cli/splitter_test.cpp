#include "cli/sql/splitter.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace orrery::cli::sql {
namespace {

std::vector<std::string> split(std::string_view text) {
  StatementSplitter splitter;
  std::vector<std::string> statements;
  const auto keep = [&](const std::vector<StatementSplitter::Statement>& some) {
    for (const auto& statement : some) statements.push_back(statement.text);
  };
  while (true) {
    const std::size_t end = text.find('\n');
    keep(splitter.feed(text.substr(0, end)));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  keep(splitter.finish());
  return statements;
}

using Statements = std::vector<std::string>;

TEST(StatementSplitter, EndsStatementsAtSemicolons) {
  EXPECT_EQ(split("SELECT 1; SELECT 2;"), (Statements{"SELECT 1;", "SELECT 2;"}));
  EXPECT_EQ(split("SELECT\n  1\n;\n\nSELECT 2"), (Statements{"SELECT\n  1\n;", "SELECT 2"}));
  EXPECT_EQ(split(" ;; \n"), Statements{});
}

TEST(StatementSplitter, LooksPastQuotes) {
  EXPECT_EQ(split("SELECT 'a;b', \"c;d\"; x"), (Statements{"SELECT 'a;b', \"c;d\";", "x"}));
  EXPECT_EQ(split("SELECT 'it''s;'; y"), (Statements{"SELECT 'it''s;';", "y"}));
  EXPECT_EQ(split("SELECT 'a\\'; y"), (Statements{"SELECT 'a\\';", "y"}));
  EXPECT_EQ(split("SELECT E'a\\';b'; y"), (Statements{"SELECT E'a\\';b';", "y"}));
  EXPECT_EQ(split("SELECT E'a''\\';b'; y"), (Statements{"SELECT E'a''\\';b';", "y"}));
  EXPECT_EQ(split("SELECT 'two\nlines;'; y"), (Statements{"SELECT 'two\nlines;';", "y"}));
}

TEST(StatementSplitter, LooksPastDollarQuotes) {
  EXPECT_EQ(split("SELECT $$a;'b$$; y"), (Statements{"SELECT $$a;'b$$;", "y"}));
  EXPECT_EQ(split("SELECT $f$a;$$;\n$f$; y"), (Statements{"SELECT $f$a;$$;\n$f$;", "y"}));
  EXPECT_EQ(split("SELECT $1; SELECT a$b$;"), (Statements{"SELECT $1;", "SELECT a$b$;"}));
}

TEST(StatementSplitter, LooksPastCommentsAndDropsThoseInFront) {
  EXPECT_EQ(split("-- a; b\nSELECT 1 -- c;\n; y"), (Statements{"SELECT 1 -- c;\n;", "y"}));
  EXPECT_EQ(split("/* a; /* b; */ c; */ SELECT /* ; */ 1;"), (Statements{"SELECT /* ; */ 1;"}));
  EXPECT_EQ(split("-- nothing\n/* at all */"), Statements{});
}

TEST(StatementSplitter, LooksPastBrackets) {
  EXPECT_EQ(split("CREATE RULE r AS DO (a; b); y"), (Statements{"CREATE RULE r AS DO (a; b);", "y"}));
}

TEST(StatementSplitter, SaysWhatIsOpen) {
  StatementSplitter splitter;
  EXPECT_EQ(splitter.prompt(), '=');
  static_cast<void>(splitter.feed("SELECT"));
  EXPECT_EQ(splitter.prompt(), '-');
  static_cast<void>(splitter.feed("("));
  EXPECT_EQ(splitter.prompt(), '(');
  static_cast<void>(splitter.feed("'"));
  EXPECT_EQ(splitter.prompt(), '\'');
}

}  // namespace
}  // namespace orrery::cli::sql
