#include "tools/commands/complete.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/file.h"
#include "core/base/split.h"
#include "core/base/utf8.h"
#include "core/cas/driver.h"
#include "core/oci/entry_names.h"
#include "core/oci/reference.h"
#include "core/remote/remote_name.h"
#include "fs/fuse/mount_table.h"
#include "tools/cli/command.h"
#include "tools/cli/copy_target.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/mount_options.h"
#include "tools/cli/name_store.h"
#include "tools/cli/registry.h"
#include "tools/cli/repositories_operand.h"
#include "tools/commands/complete_image.h"

namespace layoutfs::tools {
namespace {

// ---- Parsing the words before the cursor ----

constexpr const char* kPatternKind = "PATTERN";
constexpr const char* kPathsKind = "PATH...";

bool has_name(const OptionDescription& option, std::string_view name) {
  return std::ranges::find(option.names, name) != option.names.end();
}

// Returns the option of that name, or null.
const OptionDescription* find_option(const CommandDescription& command, std::string_view name) {
  const auto found = std::ranges::find_if(
      command.options, [&](const OptionDescription& option) { return has_name(option, name); });
  return found == command.options.end() ? nullptr : &*found;
}

// A word that begins with '-': "--name=value", "-xvalue", or without a value.
struct OptionWord {
  const OptionDescription* option = nullptr;  // the option that takes a value; null if none does
  std::size_t value_at = std::string::npos;
};

OptionWord read_option(const CommandDescription& command, const std::string& word) {
  if (word.starts_with("--")) {
    const auto equals = word.find('=');
    const OptionDescription* option = find_option(command, word.substr(0, equals));
    if (option == nullptr || !option->takes_value) return {};
    return {option, equals == std::string::npos ? equals : equals + 1};
  }
  for (std::size_t i = 1; i < word.size(); ++i) {
    const OptionDescription* option = find_option(command, std::string{'-', word[i]});
    if (option == nullptr) return {};
    if (option->takes_value) return {option, i + 1 < word.size() ? i + 1 : std::string::npos};
  }
  return {};
}

struct Line {
  const CommandDescription* program;
  const CommandDescription* command;
  std::vector<std::string> operands;
  // Options of the image. Its name is the first operand.
  ImageArguments image;
  bool has_pattern = false;                     // -e, instead of the operand
  std::string default_repository;               // --default-repository
  NameStoreArguments names;                     // --store, --namespace
  const OptionDescription* awaiting = nullptr;  // the option before its value, the next word
  bool has_options_ended = false;               // by "--"
};

bool is_option(const Line& line, std::string_view word) {
  return !line.has_options_ended && word.size() > 1 && word.starts_with('-');
}

void set_value(Line& line, const OptionDescription& option, const std::string& value) {
  if (has_name(option, "--layout")) line.image.layout = value;
  if (has_name(option, "--ref")) line.image.reference = value;
  if (has_name(option, "--platform")) line.image.platform = value;
  if (has_name(option, "--cache-dir")) line.image.cache_dir = value;
  if (has_name(option, "--regexp")) line.has_pattern = true;
  if (has_name(option, "--store")) line.names.directory = value;
  if (has_name(option, "--namespace")) line.names.name_space = value;
  if (has_name(option, "--default-repository")) line.default_repository = value;
}

void read_word(Line& line, const std::string& word) {
  if (const OptionDescription* option = std::exchange(line.awaiting, nullptr))
    return set_value(line, *option, word);
  if (word == "--" && !line.has_options_ended) {
    line.has_options_ended = true;
  } else if (is_option(line, word)) {
    if (word == "--follow-links") line.image.follow_links = true;
    const auto [option, value_at] = read_option(*line.command, word);
    if (option == nullptr) return;
    if (value_at == std::string::npos)
      line.awaiting = option;
    else
      set_value(line, *option, word.substr(value_at));
  } else {
    const auto& below = line.command->commands;
    const auto found = std::ranges::find(below, word, &CommandDescription::name);
    if (found != below.end())
      line.command = &*found;
    else
      line.operands.push_back(word);
    if (!line.operands.empty() && line.command->ends_options_at_operand) line.has_options_ended = true;
  }
}

struct OperandKinds {
  std::vector<std::string> kinds;  // without those that options have given
  bool is_last_repeated = false;
};

OperandKinds operand_kinds(const Line& line) {
  OperandKinds operands;
  std::vector<std::string>& kinds = operands.kinds;
  for (const OptionDescription& option : line.command->options) {
    if (!option.is_operand) continue;
    const auto several = split(option.kind, ' ');
    kinds.insert(kinds.end(), several.begin(), several.end());
    operands.is_last_repeated = several.size() == 1 && option.is_repeated;
  }
  if (line.has_pattern) std::erase(kinds, kPatternKind);
  // With --layout, the layout is not an operand.
  const auto layout =
      std::ranges::find_if(kinds, [](const std::string& kind) { return kind.starts_with("LAYOUT"); });
  if (!line.image.layout.empty() && layout != kinds.end()) kinds.erase(layout);
  return operands;
}

// Returns the kind of the next operand; empty if no operand may follow.
std::string next_operand(const Line& line) {
  const auto [kinds, is_last_repeated] = operand_kinds(line);
  const std::size_t position = line.operands.size();
  // If a repeated operand precedes others, the next word may always be one more of it.
  const auto repeated = std::ranges::find_if(
      kinds, [](const std::string& kind) { return kind.substr(0, kind.find(']')).ends_with("..."); });
  if (repeated != kinds.end() && position >= static_cast<std::size_t>(repeated - kinds.begin()))
    return *repeated == "[PATH...]" && !(repeated + 1 != kinds.end() && *(repeated + 1) == "DIR") ? kPathsKind
                                                                                                  : *repeated;
  if (position < kinds.size()) return kinds[position];
  return is_last_repeated && !kinds.empty() ? kinds.back() : "";
}

// ---- The candidates ----

constexpr std::string_view kDirectoryPrefix = "oci:";

// The platforms of Debian's and Docker's official images.
constexpr const char* kUsualPlatforms[] = {"linux/386",     "linux/amd64", "linux/arm/v6",
                                           "linux/arm/v7",  "linux/arm64", "linux/ppc64le",
                                           "linux/riscv64", "linux/s390x", "windows/amd64"};

// Returns whether a kind of value names the values themselves: "on|off", or a single one.
bool is_fixed(const std::string& kind) {
  const auto is_of_word = [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; };
  return kind.contains('|') || (!kind.empty() && std::ranges::all_of(kind, is_of_word));
}

// Expands ~, which the shell does not expand in the words that it passes.
std::string with_home(const std::string& path) {
  const char* const home = std::getenv("HOME");
  return home != nullptr && path.starts_with("~/") ? home + path.substr(1) : path;
}

std::unique_ptr<LayoutReader> open_quietly(const std::string& argument) {
  const auto name = parse_image_name(with_home(argument));
  if (!name || !name->reference.empty()) return nullptr;
  auto reader = builtin_drivers().open_reader(name->layout);
  return reader ? std::move(*reader) : nullptr;
}

class Completion {
 public:
  explicit Completion(Line line) : line_(std::move(line)) {}

  void complete(const std::string& word) {
    if (line_.awaiting != nullptr) return value(line_.awaiting->kind, "", word);
    if (is_option(line_, word))
      if (const auto [option, value_at] = read_option(*line_.command, word); value_at != std::string::npos)
        return value(option->kind, word.substr(0, value_at), word.substr(value_at));
    if (!line_.has_options_ended && word.starts_with('-')) return option_names(word);
    value(next_operand(line_), "", word);
    if (line_.operands.empty()) commands_of(*line_.command, word);  // the first word must be a command
  }

  int print() const {
    Output output;
    output << shell_adds_ << (shell_prefix_.empty() ? "" : "\t" + shell_prefix_) << "\n";
    for (const auto& [word, meaning] : words_)
      output << word << (meaning.empty() ? "" : "\t" + meaning) << "\n";
    return output.finish();
  }

 private:
  // Offers `candidate` if it begins with `begun`.
  void offer(std::string_view begun, std::string_view candidate, const std::string& meaning = "") {
    std::string word = prefix_ + std::string(candidate);
    if (candidate.starts_with(begun) && printable(word) == word) words_.emplace(std::move(word), meaning);
  }

  void let_shell_add(std::string_view what) {
    shell_adds_ = what;
    shell_prefix_ = prefix_;
  }

  void option_names(const std::string& word) {
    for (const OptionDescription& option : line_.command->options)
      for (const std::string& name : option.names) offer(word, name, option.description);
  }

  // `word` is the value so far, `prefix` the text before it in the same word.
  void value(const std::string& kind, const std::string& prefix, const std::string& word) {
    prefix_ = prefix;
    if (kind == kImageKind) return line_.command->name == "copy" ? copy_operand(word) : image(word);
    if (kind == kImageNameKind) return image_names(word);
    if (kind == "OPTION[=VALUE],...") return mount_options(word);
    if (kind == kObjectKind) return word.contains(':') ? digests(word) : tags(word);  // no tag has one
    if (is_fixed(kind))
      for (const std::string& each : split(kind, '|')) offer(word, each);
    else if (kind == "LAYOUT" || kind == "FILE")
      let_shell_add("files");
    else if (kind == "DIR")
      let_shell_add("directories");
    else if (kind == "STORE")
      store(word);
    else if (kind == "[PATH...]")  // DIR may follow the paths
      paths_or_directories(word);
    else if (kind == kPathsKind || kind == "[PATH]" || (kind == "[ARG...]]" && word.starts_with('/')))
      paths(word);
    else if (kind == "[COMMAND")
      programs(word);
    else if (kind == "OS[/ARCH[/VARIANT]]")
      platforms(word);
    else if (kind == "DST")
      copy_operand(word);
    else if (kind == "MOUNTPOINT")
      for (const auto& [mount_point, mount] : layoutfs_mounts()) offer(word, mount_point);
    else if (kind == "REF" || kind == "NAME")
      references(word, kind == "REF");
    else if (kind == "DIGEST")
      digests(word);
    else if (kind == "REPOSITORY")
      repositories(word);
    else if (kind == "TAG")
      tags(word);
    else if (kind == "COMMAND")
      commands_below_operands(word);
  }

  void commands_of(const CommandDescription& command, const std::string& word) {
    for (const CommandDescription& below : command.commands) offer(word, below.name, below.description);
  }

  // For `layoutfs help blob ...`.
  void commands_below_operands(const std::string& word) {
    const CommandDescription* command = line_.program;
    for (const std::string& name : line_.operands) {
      const auto found = std::ranges::find(command->commands, name, &CommandDescription::name);
      if (found == command->commands.end()) return;
      command = &*found;
    }
    commands_of(*command, word);
  }

  void mount_options(const std::string& list) {
    const auto last_at = list.rfind(',') + 1;  // 0 if there is no comma
    const std::string last = list.substr(last_at);
    prefix_ += list.substr(0, last_at);
    for (const KnownMountOption& option : known_mount_options()) {
      const std::string name = std::string(option.name) + (option.value.empty() ? "" : "=");
      if (!option.value.empty() && last.starts_with(name))
        return value(std::string(option.value), prefix_ + name, last.substr(name.size()));
      offer(last, name, std::string(option.value));
    }
  }

  void image(const std::string& word) {
    if (is_remote_name(word)) return;
    for (std::size_t i = word.size(); i-- > 1;) {
      if (word[i] != ':' && word[i] != '@' && !(word[i] == '/' && i + 1 == word.size())) continue;
      const auto reader = open_quietly(word.substr(0, i));
      if (reader == nullptr) continue;
      const auto references = reader->references();
      if (!references) return;
      const std::string begun = word.substr(i + 1);
      // After the directory's own slash, only a reference can follow.
      prefix_ += word.substr(0, i + 1) + (word[i] == '/' ? ":" : "");
      if (word[i] == '@')
        for (const Descriptor& entry : (*references)->entries) offer(begun, entry.digest.str());
      else
        names(**references, begun, true);
      return;
    }
    const std::string_view prefix = builtin_drivers().prefix_of(word);
    if (prefix.empty()) image_names(word);
    if (prefix.empty() && !word.empty())
      for (const std::string_view each : {kDirectoryPrefix, kArchivePrefix}) offer(word, each);
    remote_prefix(word);
    prefix_ += prefix;
    let_shell_add("files");
  }

  // Offers "docker://" if the command can use registries.
  void remote_prefix(const std::string& word) {
    if (!word.empty() && find_option(*line_.command, "--authfile") != nullptr) offer(word, kRemotePrefix);
  }

  // Completes LAYOUT[:REF], or "oci-repositories:STORE[:REPOSITORY[:TAG]]".
  void copy_operand(const std::string& word) {
    if (!word.starts_with(kRepositoriesPrefix)) {
      if (!word.empty()) offer(word, kRepositoriesPrefix);
      return image(word);
    }
    const std::string rest = word.substr(kRepositoriesPrefix.size());
    prefix_ += kRepositoriesPrefix;
    const auto end = rest.find(':');
    if (end == std::string::npos) return let_shell_add("directories");
    const auto store = open_store(rest.substr(0, end));
    if (store == nullptr) return;
    prefix_ += rest.substr(0, end + 1);
    const std::string begun = rest.substr(end + 1);
    const auto colon = begun.find(':');
    if (colon == std::string::npos) {
      if (const auto names = store->repositories())
        for (const std::string& name : *names) offer(begun, name);
      return;
    }
    prefix_ += begun.substr(0, colon + 1);
    if (const auto names = store->tags(begun.substr(0, colon)))
      for (const std::string& name : *names) offer(begun.substr(colon + 1), name);
  }

  void store(const std::string& word) {
    if (is_remote_name(word)) return;
    remote_prefix(word);
    let_shell_add("directories");
  }

  // Returns the image in the words before the cursor.
  ImageArguments image_arguments() const {
    ImageArguments arguments = line_.image;
    const auto kinds = operand_kinds(line_).kinds;
    const std::size_t position = !kinds.empty() && kinds.front() == kPatternKind ? 1 : 0;
    if (arguments.layout.empty() && position < line_.operands.size())
      arguments.name = with_home(line_.operands[position]);
    arguments.layout = with_home(arguments.layout);
    return arguments;
  }

  void paths(const std::string& word) {
    for (const std::string& path : paths_in_image(image_arguments(), word)) offer(word, path);
  }

  void paths_or_directories(const std::string& word) {
    paths(word);
    let_shell_add("directories");
  }

  void programs(const std::string& word) {
    if (word.find('/') != std::string::npos) return paths(word);
    for (const std::string& program : programs_in_image(image_arguments())) offer(word, program);
  }

  void platforms(const std::string& word) {
    auto platforms = platforms_of_image(image_arguments());
    if (platforms.empty()) platforms.assign(std::begin(kUsualPlatforms), std::end(kUsualPlatforms));
    for (const std::string& platform : platforms) offer(word, platform);
  }

  // Offers the names in the store of names.
  void image_names(const std::string& word) {
    const auto store = open_name_store({with_home(line_.names.directory), line_.names.name_space});
    if (!store) return;
    if (const auto images = store->list())
      for (const NamedImage& each : *images) offer(word, each.name);
  }

  // With `with_numbers`, also offers references without a name, by number.
  void names(const References& references, const std::string& begun, bool with_numbers) {
    const EntryNames names(references.entries);
    for (std::size_t i = 0; i < references.entries.size(); ++i) {
      const std::string label = names.label(i);
      if (with_numbers || !label.starts_with('@')) offer(begun, label);
    }
  }

  std::unique_ptr<LayoutReader> layout() const {
    if (!line_.image.layout.empty()) return open_quietly(line_.image.layout);
    return line_.operands.empty() ? nullptr : open_quietly(line_.operands.front());
  }

  void references(const std::string& word, bool with_numbers) {
    const auto reader = layout();
    if (reader == nullptr) return;
    if (const auto references = reader->references()) names(**references, word, with_numbers);
  }

  void digests(const std::string& word) {
    const auto reader = layout();
    if (reader == nullptr) return;
    if (const auto blobs = reader->list_all_blobs())
      for (const Digest& digest : *blobs) offer(word, digest.str());
  }

  // Returns null if the store cannot be opened; completion then offers less.
  std::unique_ptr<Registry> registry() const {
    return line_.operands.empty() ? nullptr : open_store(line_.operands.front());
  }

  // Null for a registry: completion must not wait for the network, or send credentials.
  std::unique_ptr<Registry> open_store(const std::string& path) const {
    if (is_remote_name(path)) return nullptr;
    auto store = open_registry_store({with_home(path), line_.default_repository}, ForeignEntry::skip);
    return store ? std::move(store->registry) : nullptr;
  }

  void repositories(const std::string& word) {
    const auto store = registry();
    if (store == nullptr) return;
    if (const auto names = store->repositories())
      for (const std::string& name : *names) offer(word, name);
  }

  void tags(const std::string& word) {
    const auto store = registry();
    if (store == nullptr || line_.operands.size() < 2) return;
    if (const auto names = store->tags(line_.operands[1]))
      for (const std::string& name : *names) offer(word, name);
  }

  const Line line_;
  std::string_view shell_adds_ = "words";
  std::string prefix_;  // the text before the value, in the same word
  std::string shell_prefix_;
  std::map<std::string, std::string> words_;
};

}  // namespace

int complete(const CommandDescription& program, std::vector<std::string> words) {
  // A layout may be on a file system that does not answer.
  constexpr unsigned kPatience = 10;  // seconds
  ::alarm(kPatience);
  if (const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC)); null) ::dup2(null.get(), STDERR_FILENO);
  if (words.empty()) words.emplace_back();
  const std::string last = std::move(words.back());
  words.pop_back();
  Line line{.program = &program, .command = &program};
  for (const std::string& word : words) read_word(line, word);
  Completion completion(std::move(line));
  completion.complete(last);
  return completion.print();
}

}  // namespace layoutfs::tools
