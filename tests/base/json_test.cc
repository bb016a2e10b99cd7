// JSON from outside: values, faults, limits, hostile texts.
#include "core/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>

namespace layoutfs {
namespace {

using ::testing::HasSubstr;

Result<JsonDocument> parse(std::string_view text, const JsonLimits& limits = {}) {
  return JsonDocument::parse(as_bytes(text), limits);
}

std::string fault_of(std::string_view text, const JsonLimits& limits = {}) {
  const auto document = parse(text, limits);
  if (document) return "no fault";
  EXPECT_EQ(document.error().code(), Errc::invalid_image) << text.substr(0, 100);
  return document.error().message();
}

std::string repeated(std::string_view piece, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += piece;
  return text;
}

TEST(Json, GettersGiveTheValuesOfTheirKindOnly) {
  const auto document = parse(R"({"s":"text","i":-7,"b":true,"n":null,"a":[1,"two"],"d":1.5})").value();
  const auto root = document.root();
  EXPECT_TRUE(root.is_object());
  EXPECT_FALSE(root.is_array());
  EXPECT_EQ(root.size(), 6u);
  EXPECT_EQ(root.name_at(4), "a");
  EXPECT_EQ(root.find("s")->as_string(), "text");
  EXPECT_EQ(root.find("i")->as_integer(), -7);
  EXPECT_EQ(root.find("b")->as_bool(), true);
  EXPECT_TRUE(root.find("n")->is_null());
  EXPECT_EQ(root.find("a")->at(1).as_string(), "two");
  EXPECT_EQ(root.at(4).at(0).as_integer(), 1);
  EXPECT_EQ(root.find("missing"), std::nullopt);
  EXPECT_EQ(root.find("i")->as_string(), std::nullopt);
  EXPECT_EQ(root.find("s")->as_integer(), std::nullopt);
  EXPECT_EQ(root.find("d")->as_integer(), std::nullopt);
  EXPECT_EQ(root.find("i")->as_bool(), std::nullopt);
  EXPECT_EQ(root.find("s")->size(), 0u);
  EXPECT_EQ(root.find("s")->find("x"), std::nullopt);
}

TEST(Json, IntegersAreThoseThatFitSixtyFourBits) {
  const auto document =
      parse("[9223372036854775807, -9223372036854775808, 9223372036854775808, 18446744073709551616]").value();
  EXPECT_EQ(document.root().at(0).as_integer(), INT64_MAX);
  EXPECT_EQ(document.root().at(1).as_integer(), INT64_MIN);
  EXPECT_EQ(document.root().at(2).as_integer(), std::nullopt);
  EXPECT_EQ(document.root().at(3).as_integer(), std::nullopt);
}

TEST(Json, NumbersStayAsTheyWereWritten) {
  const std::string text = "[0,-0,1.50,1e2,-2.5E-3,12345678901234567890123]";
  EXPECT_EQ(parse(text).value().root().dump(), text);
}

TEST(Json, WholeNumbersAreIntegersHoweverTheyAreWritten) {
  const auto value = [](std::string_view number) {
    return parse("[" + std::string(number) + "]").value().root().at(0).as_integer();
  };
  for (const std::string_view twelve :
       {"12", "12.0", "12.000", "1.2e1", "1.2E+1", "120e-1", "0.012e3", "1200.0e-2"})
    EXPECT_EQ(value(twelve), 12) << twelve;
  for (const std::string_view none :
       {"12.5", "1e-1", "1.25e1", "1e19", "1e300", "9223372036854775808.0", "0.1e0"})
    EXPECT_EQ(value(none), std::nullopt) << none;
  for (const std::string_view zero : {"0.0", "-0", "-0.0", "0e7", "0.000e-7"})
    EXPECT_EQ(value(zero), 0) << zero;
  EXPECT_EQ(value("-12.0"), -12);
  EXPECT_EQ(value("9223372036854775807.0"), INT64_MAX);
  EXPECT_EQ(value("-9223372036854775808.0"), INT64_MIN);
  EXPECT_EQ(value("922337203685477580700e-2"), INT64_MAX);
  EXPECT_EQ(value("1" + std::string(300, '0') + "e-300"), 1);
  EXPECT_EQ(value("0." + std::string(300, '0') + "1e301"), 1);
}

TEST(Json, AnObjectWithTwoMembersOfOneNameIsRefused) {
  EXPECT_EQ(fault_of(R"({"a":1,"a":1})"), "duplicate JSON member 'a' in the object that ends at byte 12");
  EXPECT_THAT(fault_of(R"({"a":[{"b":{},"c":1,"b":null}]})"), HasSubstr("duplicate JSON member 'b'"));
  EXPECT_THAT(fault_of("{\"manifests\":[],\"\\u006danifests\":[]}"),
              HasSubstr("duplicate JSON member 'manifests'"));
  EXPECT_THAT(fault_of("{\"\":1,\"\":2}"), HasSubstr("duplicate JSON member ''"));
  EXPECT_THAT(fault_of("{\"\\n\":1,\"\\u000a\":2}"), HasSubstr("duplicate JSON member '\\x0a'"));
  EXPECT_LT(fault_of("{\"" + std::string(5000, 'x') + "\":1,\"" + std::string(5000, 'x') + "\":2}").size(),
            200u);
  EXPECT_EQ(fault_of(R"({"a":{"a":{"a":1}},"b":{"a":1},"A":1,"a ":1})"), "no fault");
  EXPECT_EQ(fault_of("{\"a\":1,\"a\\u0000\":1}"), "no fault");
}

TEST(Json, TwoMembersOfOneNameAreFoundAmongMany) {
  for (const std::size_t count : {2U, 11U, 12U, 13U, 14U, 5000U}) {
    std::string text = "{";
    for (std::size_t i = 0; i < count; ++i) text += "\"name" + std::to_string(i) + "\":1,";
    EXPECT_EQ(fault_of(text + "\"last\":1}"), "no fault") << count;
    for (const std::size_t repeated : {std::size_t{0}, count / 2, count - 1})
      EXPECT_THAT(fault_of(text + "\"name" + std::to_string(repeated) + "\":1}"),
                  HasSubstr("member 'name" + std::to_string(repeated) + "'"))
          << count;
  }
}

TEST(Json, WhereNamesNeedNotBeUniqueAllMembersStay) {
  const std::string text = R"({"a":1,"b":{"c":1,"c":2},"a":2})";
  const auto document = parse(text, {.are_names_unique = false}).value();
  EXPECT_EQ(document.root().dump(), text);
  EXPECT_EQ(document.root().find("a")->as_integer(), 1);
}

TEST(Json, NamesThatDifferFromAFieldOnlyInCaseAreFound) {
  constexpr std::array<std::string_view, 3> kFields{"manifests", "Env", "os.kind"};
  const auto fault = [&](std::string_view text) {
    const auto status = check_spelling(parse(text).value().root(), kFields);
    return status ? "" : status.error().message();
  };
  EXPECT_EQ(fault(R"({"manifests":1,"Env":1,"os.kind":1,"manifest":1,"manifestss":1,"":1})"), "");
  EXPECT_EQ(fault("[1]"), "");
  EXPECT_EQ(fault(R"({"x":1,"Manifests":1})"), "member 'Manifests' differs from 'manifests' only in case");
  EXPECT_EQ(fault(R"({"manifests":1,"MANIFESTS":1})"),
            "member 'MANIFESTS' differs from 'manifests' only in case");
  EXPECT_THAT(fault(R"({"env":1})"), HasSubstr("'Env'"));
  EXPECT_THAT(fault("{\"manife\\u017ft\\u017f\":1}"), HasSubstr("'manifests'"));
  EXPECT_THAT(fault("{\"OS.\\u212aind\":1}"), HasSubstr("'os.kind'"));
  EXPECT_EQ(fault("{\"manife\\u0161ts\":1}"), "");
}

TEST(Json, StringsMayHoldEscapedZeros) {
  const auto document = parse("[\"a\\u0000b\\ud83d\\ude00\"]").value();
  EXPECT_EQ(document.root().at(0).as_string(), std::string_view("a\0b\xf0\x9f\x98\x80", 7));
}

TEST(Json, NothingAtAllIsSaidToBeEmpty) {
  EXPECT_EQ(fault_of(""), "JSON is empty");
  EXPECT_EQ(fault_of(" \n\t\r "), "JSON is empty");
}

TEST(Json, FaultsAreNamedWithTheirOffset) {
  EXPECT_THAT(fault_of(R"({"a":1,"b")"), HasSubstr("unexpected end of JSON at byte 10: "));
  EXPECT_THAT(fault_of(R"({"a":1,]})"), HasSubstr("invalid JSON at byte 7: "));
  EXPECT_THAT(fault_of("{} {}"), HasSubstr("unexpected data after the JSON value at byte 3"));
  EXPECT_THAT(fault_of(std::string_view("{}\0", 3)),
              HasSubstr("unexpected data after the JSON value at byte 2"));
  EXPECT_THAT(fault_of(std::string_view("\0", 1)), HasSubstr("at byte 0"));
  EXPECT_THAT(fault_of("[1e400]"), HasSubstr("number is too large"));
  EXPECT_THAT(fault_of(R"(["\ud800"])"), HasSubstr("escape"));
}

TEST(Json, InvalidUtf8IsRefusedInStringsAndNames) {
  for (const std::string_view bad :
       {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80"}) {
    EXPECT_THAT(fault_of("[\"" + std::string(bad) + "\"]"), HasSubstr("UTF-8"));
    EXPECT_THAT(fault_of("{\"" + std::string(bad) + "\":1}"), HasSubstr("UTF-8"));
  }
}

TEST(Json, ControlCharactersInStringsAreRefused) {
  EXPECT_THAT(fault_of("[\"a\nb\"]"), HasSubstr("control character"));
  EXPECT_THAT(fault_of(std::string_view("[\"a\0b\"]", 7)), HasSubstr("at byte"));
}

TEST(Json, DeepNestingIsAnErrorAndNoStackOverflow) {
  const std::string fault = "JSON is nested deeper than 128 levels";
  EXPECT_EQ(fault_of(repeated("[", 100'000) + repeated("]", 100'000)), fault);
  EXPECT_EQ(fault_of(repeated("[", 100'000)), fault);
  EXPECT_EQ(fault_of(repeated(R"({"a":)", 100'000) + "1" + repeated("}", 100'000)), fault);
  EXPECT_EQ(fault_of(repeated(R"([{"a":)", 100'000)), fault);
  EXPECT_EQ(fault_of(repeated("[", 129) + repeated("]", 129)), fault);
}

TEST(Json, TheDeepestDocumentCanBeWrittenAgain) {
  const std::string text = repeated("[", 128) + repeated("]", 128);
  const auto document = parse(text);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->root().dump(), text);
  EXPECT_EQ(JsonWriter().value(document->root()).str(), text);
}

TEST(Json, LimitsOfSizeAndNumberHold) {
  EXPECT_EQ(fault_of("[1,2,3]", {.bytes = 6}), "JSON is larger than 6 bytes");
  EXPECT_EQ(fault_of("[1,2,3]", {.bytes = 7}), "no fault");
  EXPECT_EQ(fault_of("[1,2,3]", {.values = 3}), "JSON has more than 3 values");
  EXPECT_EQ(fault_of("[1,2,3]", {.values = 4}), "no fault");
  EXPECT_THAT(fault_of("[" + repeated("1,", 2'000'000) + "1]"), HasSubstr("values"));
}

TEST(Json, DumpIsCompactAndKeepsTheOrder) {
  const auto document = parse(" { \"z\" : [ 1 , -2.5, true, null ],\n \"a\" : \"q\\\"\\u0001\" } ").value();
  EXPECT_EQ(document.root().dump(), R"({"z":[1,-2.5,true,null],"a":"q\"\u0001"})");
}

TEST(Json, NoTruncationOfADocumentIsADocument) {
  const std::string text = R"({"a":[1,2.5e3,{"b":"c\u00e9\n"},null,true],"d":{"e":-1}})";
  ASSERT_TRUE(parse(text));
  for (std::size_t size = 0; size < text.size(); ++size)
    EXPECT_NE(fault_of(std::string_view(text).substr(0, size)), "no fault") << size;
}

TEST(Json, FlippedBytesNeverCrashIt) {
  const std::string text = R"({"a":[1,2.5e3,{"b":"c\u00e9\n"},null,true],"d":{"e":-1}})";
  std::mt19937 random(20240601);
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string broken = text;
    for (auto flips = random() % 3 + 1; flips > 0; --flips)
      broken[random() % broken.size()] = static_cast<char>(random() & 0xff);
    const auto document = parse(broken);
    if (!document) continue;
    ++accepted;
    // An accepted document can be written and parsed again.
    const auto again = parse(document->root().dump());
    ASSERT_TRUE(again) << broken;
    EXPECT_EQ(again->root().dump(), document->root().dump());
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace layoutfs
