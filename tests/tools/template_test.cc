// Templates of --format.
#include "tools/cli/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layoutfs::tools {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kDocument = R"({"digest":"sha256:ab","size":12,"none":null,"list":["x","y"],
  "labels":{"org.title":"T","quoted \"":1},"layers":[{"digest":"d0","files":3},{"digest":"d1","files":null}],
  "empty":[]})";

Result<std::string> filled(std::string_view text) {
  const auto document = JsonDocument::parse(as_bytes(kDocument));
  return fill_template(text, document->root());
}

struct Case {
  const char* text;
  const char* expected;
};

TEST(Templates, AreFilledFromTheDocument) {
  for (const auto& [text, expected] : {
           Case{"", ""},
           {"plain", "plain"},
           {"{{.digest}}", "sha256:ab"},
           {"{{ .digest }}", "sha256:ab"},
           {"{{.Digest}} {{.SIZE}}", "sha256:ab 12"},
           {"{{.none}}", "null"},
           {"{{.list}}", R"(["x","y"])"},
           {"{{.list.1}}", "y"},
           {"{{.layers.0.digest}}", "d0"},
           {"{{json .digest}}", R"("sha256:ab")"},
           {R"({{index .labels "org.title"}})", "T"},
           {"{{index .layers 1 \"digest\"}}", "d1"},
           {R"(a\tb\n\\c\d)", "a\tb\n\\c\\d"},
           {"{{range .layers}}{{.digest}}={{.files}};{{end}}.", "d0=3;d1=null;."},
           {"{{range .list}}<{{.}}>{{end}}", "<x><y>"},
           {"{{range .empty}}{{.nothing}}{{end}}{{range .none}}x{{end}}!", "!"},
           {"{{range .layers}}{{range .digest.x}}{{end}}{{end}}", nullptr},
       }) {
    const auto got = filled(text);
    if (expected == nullptr) {
      EXPECT_FALSE(got) << text;
      continue;
    }
    ASSERT_TRUE(got) << text << ": " << got.error().message();
    EXPECT_EQ(*got, expected) << text;
  }
}

TEST(Templates, NameTheMemberThatIsMissing) {
  for (const char* text :
       {"{{.layers.0.gone}}", "{{.gone}}", "{{index .labels \"gone\"}}", "{{range .gone}}{{end}}"}) {
    const auto got = filled(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code(), Errc::not_found) << text;
    EXPECT_THAT(got.error().message(), HasSubstr("'gone'")) << text;
  }
  EXPECT_THAT(filled("{{.list.2}}").error().message(), HasSubstr("'2'"));
}

TEST(Templates, ThatAreMalformedAreRefused) {
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested += "{{range .none}}";
  for (const std::string& text :
       {std::string("{{.digest"), std::string("{{}}"), std::string("{{digest}}"), std::string("{{end}}"),
        std::string("{{range .list}}"), std::string("{{range .digest}}{{end}}"),
        std::string("{{printf .a .b}}"), std::string("{{index .labels \"open}}"), nested}) {
    const auto got = filled(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code(), Errc::invalid_argument) << text << ": " << got.error().message();
  }
}

}  // namespace
}  // namespace layoutfs::tools
