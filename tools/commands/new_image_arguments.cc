#include "tools/commands/new_image_arguments.h"

#include <charconv>
#include <string_view>
#include <utility>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/cas/driver.h"
#include "layoutfs/open.h"
#include "layoutfs/reference.h"
#include "tools/cli/command.h"
#include "tools/cli/creation_time.h"
#include "tools/cli/named_reference.h"
#include "tools/cli/store.h"

namespace layoutfs::tools {
namespace {

std::unexpected<Error> wrong_value(const std::string& option, const std::string& text,
                                   const std::string& expected) {
  return fail(Errc::invalid_argument, option + " " + text + ": expected " + expected);
}

// JSON cannot hold other bytes.
Status check_text(const std::string& option, const std::string& text) {
  return is_utf8(text) ? Status() : Status(wrong_value(option, text, "UTF-8"));
}

// Parses NAME=VALUE, and NAME- to remove it.
Result<ConfigChanges::NamedValues> parse_named(const std::string& option,
                                               const std::vector<std::string>& texts) {
  ConfigChanges::NamedValues values;
  for (const std::string& text : texts) {
    if (auto checked = check_text(option, text); !checked) return fail(std::move(checked).error());
    const auto equals = text.find('=');
    const bool is_removed = equals == std::string::npos && text.size() > 1 && text.ends_with('-');
    if (equals == 0 || (equals == std::string::npos && !is_removed))
      return wrong_value(option, text, "NAME=VALUE, or NAME- to remove it");
    if (is_removed)
      values.emplace_back(text.substr(0, text.size() - 1), std::nullopt);
    else
      values.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return values;
}

// config.md, "ExposedPorts": "port/tcp", "port/udp", "port"; SCTP is common, too.
Result<std::pair<std::string, bool>> parse_port(const std::string& text) {
  const bool is_removed = text.ends_with('-');
  std::string_view rest = text;
  if (is_removed) rest.remove_suffix(1);
  const std::string_view number = rest.substr(0, rest.find('/'));
  const std::string_view protocol = number.size() == rest.size() ? "tcp" : rest.substr(number.size() + 1);
  unsigned port = 0;
  const auto parsed = std::from_chars(number.data(), number.data() + number.size(), port);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == number.data() + number.size();
  if (!is_number || port == 0 || port > 65535 ||
      (protocol != "tcp" && protocol != "udp" && protocol != "sctp"))
    return wrong_value("--port", text, "PORT[/tcp|udp|sctp], or PORT- to remove it");
  return std::pair(std::to_string(port) + "/" + std::string(protocol), !is_removed);
}

// Words, or a single JSON array of them; '[]' removes the member. nullopt if the option was not given.
Result<std::optional<std::vector<std::string>>> parse_words(const std::string& option,
                                                            const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  for (const std::string& word : words)
    if (auto checked = check_text(option, word); !checked) return fail(std::move(checked).error());
  if (words.size() != 1 || !words.front().starts_with('[')) return words;
  const auto document = JsonDocument::parse(as_bytes(words.front()));
  if (!document || !document->root().is_array())
    return wrong_value(option, words.front(), R"(a JSON array as in ["sh","-c","true"])");
  std::vector<std::string> parsed;
  for (std::size_t i = 0; i < document->root().size(); ++i) {
    const auto word = document->root().at(i).as_string();
    if (!word) return wrong_value(option, words.front(), "a JSON array of strings");
    parsed.emplace_back(*word);
  }
  return parsed;
}

Result<Annotations> parse_annotations(const std::vector<std::string>& texts) {
  auto named = parse_named("--annotation", texts);
  if (!named) return fail(std::move(named).error());
  Annotations annotations;
  for (auto& [key, value] : *named) {
    if (value && value->empty()) return wrong_value("--annotation", key + "=", "a value");
    annotations.insert_or_assign(std::move(key), std::move(value).value_or(""));
  }
  return annotations;
}

}  // namespace

void NewImageArguments::add_options(Command command) {
  command.add_option("--author", author, "Author of the change").type_name("WORDS").group("History");
  command.add_option("--message", message, "Comment on the change").type_name("WORDS").group("History");
  command.add_option("--created", created, "Time of the change (default: SOURCE_DATE_EPOCH, or now)")
      .type_name("TIME")
      .group("History")
      .not_empty();
  command
      .add_option("--annotation", annotations, "Annotation of the manifest, KEY- removes it; may be repeated")
      .type_name("KEY=VALUE");
  command.add_flag("-f,--force", is_forced, "Replace an existing reference");
}

void ConfigArguments::add_options(Command command) {
  constexpr const char* kConfigGroup = "Configuration";
  command.add_option("--env", environment, "Set a variable, NAME- removes it; may be repeated")
      .type_name("NAME=VALUE")
      .group(kConfigGroup);
  command
      .add_option("--entrypoint", entrypoint, "Entry point, word by word or as a JSON array; [] removes it")
      .type_name("WORD")
      .group(kConfigGroup);
  command.add_option("--cmd", cmd, "Command, word by word or as a JSON array; [] removes it")
      .type_name("WORD")
      .group(kConfigGroup);
  command.add_option("--label", labels, "Set a label, KEY- removes it; may be repeated")
      .type_name("KEY=VALUE")
      .group(kConfigGroup);
  user_option = command.add_option("--user", user, "User of programs; empty: root")
                    .type_name("USER[:GROUP]")
                    .group(kConfigGroup);
  working_directory_option = command.add_option("--workdir", working_directory, "Working directory; empty: /")
                                 .type_name("PATH")
                                 .group(kConfigGroup);
  command.add_option("--port", ports, "Expose a port, PORT- removes it; may be repeated")
      .type_name("PORT[/tcp|udp|sctp]")
      .group(kConfigGroup);
}

Result<ConfigChanges> ConfigArguments::parse() const {
  ConfigChanges changes;
  auto variables = parse_named("--env", environment);
  if (!variables) return fail(std::move(variables).error());
  changes.environment = std::move(*variables);
  auto label_changes = parse_named("--label", labels);
  if (!label_changes) return fail(std::move(label_changes).error());
  changes.labels = std::move(*label_changes);
  for (const std::string& text : ports) {
    auto port = parse_port(text);
    if (!port) return fail(std::move(port).error());
    changes.exposed_ports.push_back(std::move(*port));
  }
  for (const auto& [option, words, parsed] :
       {std::tuple("--entrypoint", &entrypoint, &changes.entrypoint), {"--cmd", &cmd, &changes.command}}) {
    auto list = parse_words(option, *words);
    if (!list) return fail(std::move(list).error());
    *parsed = std::move(*list);
  }
  if (user_option && user_option->is_given()) {
    if (auto checked = check_text("--user", user); !checked) return fail(std::move(checked).error());
    changes.user = user;
  }
  if (working_directory_option && working_directory_option->is_given()) {
    if (auto checked = check_text("--workdir", working_directory); !checked)
      return fail(std::move(checked).error());
    if (!working_directory.empty() && !working_directory.starts_with('/'))
      return wrong_value("--workdir", working_directory, "an absolute path");
    changes.working_directory = working_directory;
  }
  return changes;
}

std::string ConfigArguments::text() const {
  std::string text;
  const auto add = [&text](std::string_view option, const std::string& value) {
    text += " ";
    text += option;
    text += " " + value;
  };
  for (const std::string& each : environment) add("--env", each);
  for (const std::string& each : entrypoint) add("--entrypoint", each);
  for (const std::string& each : cmd) add("--cmd", each);
  for (const std::string& each : labels) add("--label", each);
  if (user_option && user_option->is_given()) add("--user", user);
  if (working_directory_option && working_directory_option->is_given()) add("--workdir", working_directory);
  for (const std::string& each : ports) add("--port", each);
  return text;
}

Result<ImageChanges> changes_of(const NewImageArguments& arguments, ConfigChanges config,
                                std::string created_by) {
  ImageChanges changes{.config = std::move(config)};
  for (const auto& [option, text] :
       {std::pair("--author", &arguments.author), {"--message", &arguments.message}})
    if (auto checked = check_text(option, *text); !checked) return fail(std::move(checked).error());
  auto created = creation_time(arguments.created);
  if (!created) return fail(std::move(created).error());
  auto annotations = parse_annotations(arguments.annotations);
  if (!annotations) return fail(std::move(annotations).error());
  changes.annotations = std::move(*annotations);
  changes.step = {.created = std::move(*created),
                  .created_by = std::move(created_by),
                  .author = arguments.author,
                  .comment = arguments.message};
  return changes;
}

Result<ImageLayout> open_image_layout(const ImageArguments& image, const NewImageArguments& arguments,
                                      const Context& context) {
  const std::string& given = image.layout.empty() ? image.name : image.layout;
  if (is_remote_name(given))
    return fail(Error(Errc::unsupported, given + ": images in a registry cannot be changed")
                    .with_hint("copy the image into a layout first: layoutfs copy " + given + " LAYOUT"));
  const auto opened = open_layout(image);
  if (!opened) return fail(Error(opened.error()));
  auto engine = builtin_drivers({.follow_links = image.follow_links}).open_engine(opened->path);
  if (!engine) return fail(std::move(engine).error());
  const auto platform = platform_of(image);
  if (!platform) return fail(Error(platform.error()));
  const auto entry = find_entry(*opened, image);
  if (!entry) return fail(Error(entry.error()));
  auto manifest = resolve_platform(**engine, *entry, *platform, context);
  if (!manifest) return fail(std::move(manifest).error(), opened->path);
  auto base = BaseImage::read(**engine, *entry, std::move(*manifest), context);
  if (!base) return fail(std::move(base).error(), opened->path);
  if (auto checked = check_new_name(**engine, arguments.reference, arguments.is_forced); !checked)
    return fail(std::move(checked).error(), opened->path);
  return ImageLayout{opened->path, std::move(*engine), std::move(*base)};
}

Result<Digest> put_new_image(ImageLayout& layout, const NewImageArguments& arguments,
                             const ImageChanges& changes, const Context& context) {
  const auto image = put_image(*layout.engine, layout.base, changes, context);
  if (!image) return fail(written_to(Error(image.error()), layout.path));
  if (auto put = put_named(*layout.engine, arguments.reference, *image, arguments.is_forced); !put)
    return fail(written_to(std::move(put).error(), layout.path));
  return image->digest;
}

}  // namespace layoutfs::tools
