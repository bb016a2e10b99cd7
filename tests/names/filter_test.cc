// Matches and errors of filters, in containerd's test cases and in others from its code.
#include "layoutfs/filter.h"

#include <gmock/gmock.h>

#include <map>
#include <thread>
#include <vector>

namespace layoutfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Thing {
  std::string name;
  std::string other;
  std::map<std::string, std::string> labels;

  std::optional<std::string> field(std::span<const std::string> path) const {
    const auto present = [](const std::string& text) {
      return text.empty() ? std::nullopt : std::optional(text);
    };
    if (path.front() == "name") return present(name);
    if (path.front() == "other") return present(other);
    if (path.front() != "labels") return std::nullopt;
    std::string key;
    for (const std::string& part : path.subspan(1)) key += (key.empty() ? "" : ".") + part;
    const auto found = labels.find(key);
    return found == labels.end() ? std::nullopt : std::optional(found->second);
  }
};

const std::vector<Thing>& things() {
  static const std::vector<Thing> kThings{
      {"foo", "", {{"foo", "true"}}},
      {"bar", "", {}},
      {"foo", "", {{"foo", "present"}, {"more complex label", "present"}}},
      {"bar", "", {{"bar", "true"}}},
      {"fooer", "", {{R"(more complex label with \ and ")", "present"}}},
      {"fooer", "", {{R"(more complex label with \ and ".post)", "present"}}},
      {"baz", "too complex, yo", {}},
      {"bazo", "abc", {}},
      {"compound", "", {{"foo", "omg_asdf.asdf-qwer"}}},
  };
  return kThings;
}

std::vector<int> fitting(const Filter& filter) {
  std::vector<int> found;
  for (std::size_t i = 0; i < things().size(); ++i)
    if (filter.match([&](std::span<const std::string> path) { return things()[i].field(path); }))
      found.push_back(static_cast<int>(i));
  return found;
}

std::vector<int> fitting(const std::string& text) {
  const auto filter = Filter::parse(text);
  EXPECT_TRUE(filter.has_value()) << text << ": " << (filter ? "" : filter.error().message());
  return filter ? fitting(*filter) : std::vector{-1};
}

std::string refused(std::string_view text) {
  const auto filter = Filter::parse(text);
  if (filter) return "not refused";
  EXPECT_EQ(filter.error().code(), Errc::invalid_argument) << text;
  return filter.error().message();
}

TEST(Filter, FitsByFieldsThatAreThereAndByTheirValues) {
  EXPECT_THAT(fitting(""), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(fitting("name"), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(fitting("labels.foo"), ElementsAre(0, 2, 8));
  EXPECT_THAT(fitting("labels.foo,name"), ElementsAre(0, 2, 8));
  EXPECT_THAT(fitting("labels.foo==true"), ElementsAre(0));
  EXPECT_THAT(fitting("labels.foo==omg_asdf.asdf-qwer"), ElementsAre(8));
  EXPECT_THAT(fitting("name==bar"), ElementsAre(1, 3));
  EXPECT_THAT(fitting("name!=bar"), ElementsAre(0, 2, 4, 5, 6, 7, 8));
  EXPECT_THAT(fitting("name==bar,labels.bar"), ElementsAre(3));
  EXPECT_THAT(fitting("name==bar,labels.bar==true"), ElementsAre(3));
  EXPECT_THAT(fitting("name==bar,labels.bar==wrong"), IsEmpty());
  EXPECT_THAT(fitting("name == bar,  labels.bar  ==  true"), ElementsAre(3));
}

TEST(Filter, TakesQuotedNamesAndValues) {
  EXPECT_THAT(fitting("other==\"too complex, yo\""), ElementsAre(6));
  EXPECT_THAT(fitting("other==\"too complex, yo\",name==baz"), ElementsAre(6));
  EXPECT_THAT(fitting("name==foo,labels.\"more complex label\""), ElementsAre(2));
  EXPECT_THAT(fitting(R"(labels."more complex label with \\ and \""==present)"), ElementsAre(4));
  EXPECT_THAT(fitting(R"(labels."more complex label with \\ and \"".post==present)"), ElementsAre(5));
  EXPECT_THAT(fitting(R"("n\x61me"=="b\u0061r")"), ElementsAre(1, 3));
  EXPECT_THAT(fitting(R"(name==ba"r")"), IsEmpty()) << "within a value, quotes are characters";
}

TEST(Filter, FitsPatternsAnywhereInAValue) {
  EXPECT_THAT(fitting("other~=[abc]+,name!=foo"), ElementsAre(6, 7));
  EXPECT_THAT(fitting("other~=/[abc]+/,name!=foo"), ElementsAre(6, 7));
  EXPECT_THAT(fitting("other~=/[abc]{1,2}/,name!=foo"), ElementsAre(6, 7));
  EXPECT_THAT(fitting("other~=|[abc]{1,2}|,name!=foo"), ElementsAre(6, 7));
  EXPECT_THAT(fitting(R"(other~=/[abc]{0,1}"\//,name!=foo)"), IsEmpty());
  EXPECT_THAT(fitting("name~=^ba.$"), ElementsAre(1, 3, 6));
  EXPECT_THAT(fitting("name~=/^ba.$/"), ElementsAre(1, 3, 6));
}

TEST(Filter, TakesAFieldThatIsNotThereForAnEmptyOneButNeverForEqual) {
  EXPECT_THAT(fitting("labels.bar!=true"), ElementsAre(0, 1, 2, 4, 5, 6, 7, 8));
  EXPECT_THAT(fitting("labels.bar==\"\""), IsEmpty());
  EXPECT_THAT(fitting("labels.bar!=\"\""), ElementsAre(3));
  EXPECT_THAT(fitting("labels.bar~=/^$/"), ElementsAre(0, 1, 2, 4, 5, 6, 7, 8));
  EXPECT_THAT(fitting("unknown.field"), IsEmpty());
}

TEST(Filter, SaysWhereItIsWrongInContainerdsWords) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"(labels.?"more complex label with \\ and \"".post==present)",
       R"([labels. >|?|< "more complex label with \\ and \"".post==present]: expected field or quoted)"},
      {"name==foo,", "[name==foo,]: expected field or quoted"},
      {"labels.", "[labels.]: expected field or quoted"},
      {"image~=,id?=?fbaq", "[image~= >|,|< id?=?fbaq]: expected value or quoted"},
      {"labels.|foo|==omg_asdf.asdf-qwer",
       "[labels. >|||< foo|==omg_asdf.asdf-qwer]: invalid quote encountered"},
      {"labels.ns/key==value", "[labels.ns >|/|< key==value]: quoted literal not terminated"},
      {"labels.key==/value", "[labels.key== >|/|< value]: quoted literal not terminated"},
      {"labels.key==/value/", "[labels.key== >|/|< value/]: invalid quote encountered"},
      {"name=foo", "[name >|=|< foo]: unsupported operator \"=\""},
      {"name!~=foo", "[name >|!|< ~=foo]: unsupported operator \"!~=\""},
      {"name foo", "[name  >|f|< oo]: expected an operator (\"==\"|\"!=\"|\"~=\")"},
      {"name ", "[name ]: expected an operator (\"==\"|\"!=\"|\"~=\")"},
      {"name==foo bar", "[name==foo >| |< bar]: unexpected input:  "},
      {"name==\"foo\"bar", "[name==\"foo\" >|b|< ar]: unexpected input: b"},
      {"name==foo,,", "[name==foo, >|,|< ]: expected field or quoted"},
      {"==foo", "[ >|=|< =foo]: expected field or quoted"},
      {"name==.foo", "[name== >|.|< foo]: expected value or quoted"},
      {"name==", "[name==]: expected value or quoted"},
      {"name==\"\\400\"", "[name== >|\"|< \\400\"]: unquoting failed: quote syntax error"},
      {"\"\\q\"", "[ >|\"|< \\q\"]: illegal escape sequence"},
      {"a==\xff", "[a== >|\xff|< ]: rune error"},
      {"a==b\xff", "[a==b >|\xff|< ]: unexpected input: \ufffd"},
      {" ", "[ ]: expected field or quoted"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(refused(text), "filters: parse error: " + expected) << text;
}

TEST(Filter, RefusesABadPatternWhenItIsParsed) {
  EXPECT_THAT(refused("name~=[a"), HasSubstr("[name~= >|[|< a]: bad regular expression: missing ]: [a"));
  EXPECT_THAT(refused("name~=/(?=a)/"), HasSubstr("bad regular expression: "));
  EXPECT_THAT(refused("name~=\"\\xff\""), HasSubstr("bad regular expression: "));
  EXPECT_THAT(refused("name~=/((\\\\pL{1000}){100}){10}/"), HasSubstr("bad regular expression: "));
}

TEST(Filter, FitsWhatOneOfSeveralFiltersFits) {
  const auto fitting_all = [](std::vector<std::string> texts) {
    return fitting(Filter::parse_all(texts).value());
  };
  EXPECT_THAT(fitting_all({}), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_THAT(fitting_all({"name==bar", "labels.foo==true"}), ElementsAre(0, 1, 3));
  EXPECT_THAT(fitting_all({"name==bar", ""}), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8));
  const auto refused = Filter::parse_all(std::vector<std::string>{"name", "name=="});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message(), "filters: parse error: [name==]: expected value or quoted");
}

TEST(Filter, IsBounded) {
  EXPECT_THAT(refused("name==" + std::string(Filter::kMaxLength, 'a')), HasSubstr("more than 16384 bytes"));
  EXPECT_THAT(fitting("name==" + std::string(Filter::kMaxLength - 6, 'a')), IsEmpty());
  std::string many = "name~=a";
  for (std::size_t i = 1; i < Filter::kMaxPatterns; ++i) many += ",name~=a";
  EXPECT_THAT(fitting(many), ElementsAre(1, 3, 6, 7));
  EXPECT_THAT(refused(many + ",name~=a"), HasSubstr("more than 64 regular expressions"));
  const auto together = Filter::parse_all(std::vector<std::string>{many, "name~=a"});
  ASSERT_FALSE(together.has_value());
  EXPECT_THAT(together.error().message(), HasSubstr("more than 64 regular expressions"));
  // Nesting takes no stack.
  EXPECT_THAT(fitting("name~=/" + std::string(8000, '(') + "ar" + std::string(8000, ')') + "/"),
              ElementsAre(1, 3));
}

TEST(Filter, IsUsedByThreadsAndCopiesAtOnce) {
  const Filter filter = Filter::parse("name~=/^(a|b)+r$/").value();
  std::vector<std::jthread> threads;
  std::array<std::vector<int>, 4> found;
  for (auto& each : found)
    threads.emplace_back([filter, &each] {
      for (int i = 0; i < 100; ++i) each = fitting(filter);
    });
  threads.clear();
  for (const auto& each : found) EXPECT_THAT(each, ElementsAre(1, 3));
}

}  // namespace
}  // namespace layoutfs
