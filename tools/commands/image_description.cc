#include "tools/commands/image_description.h"

#include <optional>
#include <string_view>

#include "core/base/json.h"
#include "core/base/utf8.h"
#include "core/cas/descriptor_json.h"
#include "layoutfs/platform.h"
#include "tools/cli/store.h"
#include "tools/cli/table.h"

namespace layoutfs::tools {
namespace {

constexpr std::int64_t kImageJsonVersion = 1;

void write_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& values) {
  json.key(name).begin_array();
  for (const std::string& value : values) json.string(value);
  json.end_array();
}

void write_pairs(JsonWriter& json, std::string_view name, const Annotations& pairs) {
  json.key(name).begin_object();
  for (const auto& [key, value] : pairs) json.key(key).string(value);
  json.end_object();
}

void write_optional(JsonWriter& json, std::string_view name, const std::optional<std::uint64_t>& value) {
  json.key(name);
  value ? json.integer(to_json_integer(*value)) : json.null();
}

void write_config(JsonWriter& json, const ImageConfig& config) {
  json.key("author").string(config.author);
  write_list(json, "entrypoint", config.entrypoint);
  write_list(json, "command", config.command);
  write_list(json, "environment", config.environment);
  json.key("user").string(config.user).key("workingDirectory").string(config.working_directory);
  json.key("stopSignal").string(config.stop_signal);
  write_pairs(json, "labels", config.labels);
  write_list(json, "exposedPorts", config.exposed_ports);
  write_list(json, "volumes", config.volumes);
}

void write_layers(JsonWriter& json, const ImageSummary& image) {
  json.key("layers").begin_array();
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const LayerSummary& layer = image.layers[i];
    json.begin_object().key("digest").string(layer.descriptor.digest.str());
    json.key("mediaType").string(layer.descriptor.media_type);
    json.key("size").integer(to_json_integer(layer.descriptor.size));
    if (i < image.config.diff_ids.size()) json.key("diffID").string(image.config.diff_ids[i].str());
    write_optional(json, "uncompressedSize", layer.unpacked_size);
    write_optional(json, "files", layer.files);
    if (layer.history) json.key("createdBy").string(image.config.history[*layer.history].created_by);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string image_json(const ImageSummary& image, const Surroundings& around,
                       const std::function<void(JsonWriter&)>& add_members) {
  JsonWriter json;
  json.begin_object().key("version").integer(kImageJsonVersion);
  json.key("digest").string(image.entry.digest.str());
  json.key("manifest").string(image.manifest_descriptor.digest.str());
  json.key("mediaType").string(image.manifest_descriptor.media_type);
  json.key("config").string(image.manifest.config.digest.str());
  json.key("platform").string(to_string(image.config.platform));
  json.key("platforms").begin_array();
  for (const Descriptor& child : image.platforms)
    json.begin_object()
        .key("platform")
        .string(to_string(*child.platform))
        .key("digest")
        .string(child.digest.str())
        .end_object();
  json.end_array().key("created").string(image.config.created);
  write_config(json, image.config);
  write_pairs(json, "annotations", image.annotations);
  json.key("artifactType").string(image.manifest.artifact_type);
  json.key("size").integer(to_json_integer(image.size));
  write_layers(json, image);
  json.key("referrers").begin_array();
  for (const Descriptor& referrer : around.referrers) write_descriptor(json, referrer);
  json.end_array().key("hiddenXattrs");
  if (around.hidden) {
    json.begin_object();
    for (const auto& [name, files] : *around.hidden) json.key(name).integer(to_json_integer(files));
    json.end_object();
  } else {
    json.null();
  }
  json.key("mounts").begin_array();
  for (const auto& [mount_point, view] : around.mounts)
    json.begin_object().key("mountPoint").string(mount_point).key("view").string(name_of(view)).end_object();
  json.end_array();
  write_problems(json, around.problems);
  if (add_members) add_members(json);
  return json.end_object().str();
}

namespace {

// Lines with a name and a value. Further values of the same name have blanks instead of the name.
class Facts {
 public:
  Facts(const TextStyle& style, Output& output) : style_(style), output_(output) {}

  void add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    constexpr std::size_t kWidth = 13;
    output_ << (name == last_ ? "" : emphasized(name, style_))
            << std::string(kWidth - (name == last_ ? 0 : name.size()), ' ') << printable(value) << "\n";
    last_ = name;
  }
  void add(std::string_view name, const std::vector<std::string>& values) {
    for (const std::string& value : values) add(name, value);
  }
  void add(std::string_view name, const Annotations& pairs) {
    for (const auto& [key, value] : pairs) add(name, key + "=" + value);
  }

 private:
  const TextStyle& style_;
  Output& output_;
  std::string_view last_;
};

// Returns the words as a JSON array, as in the config, which is unambiguous for any shell.
std::string command_text(const std::vector<std::string>& words) {
  if (words.empty()) return "";
  JsonWriter json;
  json.begin_array();
  for (const std::string& word : words) json.string(word);
  return json.end_array().str();
}

std::vector<std::string> platforms_text(const ImageSummary& image) {
  std::vector<std::string> platforms;
  for (const Descriptor& child : image.platforms)
    platforms.push_back(to_string(*child.platform) + " " + short_digest(child.digest));
  return platforms;
}

std::vector<std::string> referrers_text(const std::vector<Descriptor>& referrers) {
  std::vector<std::string> lines;
  for (const Descriptor& referrer : referrers)
    lines.push_back(short_digest(referrer.digest) + " " +
                    (referrer.artifact_type.empty() ? referrer.media_type : referrer.artifact_type));
  return lines;
}

std::vector<std::string> hidden_text(const HiddenXattrs& hidden) {
  constexpr std::size_t kMost = 20;
  std::vector<std::string> lines;
  for (const auto& [name, files] : hidden) {
    if (lines.size() == kMost) {
      lines.push_back("and " + std::to_string(hidden.size() - kMost) + " other attributes");
      break;
    }
    lines.push_back(name + " of " + std::to_string(files) + (files == 1 ? " file" : " files"));
  }
  return lines;
}

std::string layers_text(const ImageSummary& image, const TextStyle& style, bool is_whole) {
  using enum Table::Align;
  Table table({{"LAYER", right},
               {"DIGEST"},
               {"PACKED", right},
               {"UNPACKED", right},
               {"FILES", right},
               {"CREATED BY"}});
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const LayerSummary& layer = image.layers[i];
    const std::string created_by = layer.history ? image.config.history[*layer.history].created_by : "";
    table.add_row(
        {std::to_string(i), is_whole ? layer.descriptor.digest.str() : short_digest(layer.descriptor.digest),
         human_size(layer.descriptor.size), layer.unpacked_size ? human_size(*layer.unpacked_size) : "",
         layer.files ? std::to_string(*layer.files) : "", one_line(created_by)});
  }
  return table.text(style, is_whole);
}

}  // namespace

void print_image_text(const ImageSummary& image, const Surroundings& around, bool is_whole, Output& output) {
  const TextStyle style = stdout_style();
  const ImageConfig& config = image.config;
  Facts facts(style, output);
  const auto digest_text = [&](const Digest& digest) {
    return style.is_terminal && !is_whole ? short_digest(digest) : digest.str();
  };
  if (image.entry.digest != image.manifest_descriptor.digest)
    facts.add("index", digest_text(image.entry.digest));
  facts.add("platforms", platforms_text(image));
  facts.add("manifest", digest_text(image.manifest_descriptor.digest));
  facts.add("config", digest_text(image.manifest.config.digest));
  facts.add("platform", to_string(config.platform));
  facts.add("type", image.manifest.artifact_type);
  facts.add("created", config.created);
  facts.add("author", config.author);
  facts.add("entrypoint", command_text(config.entrypoint));
  facts.add("command", command_text(config.command));
  facts.add("environment", config.environment);
  facts.add("user", config.user);
  facts.add("directory", config.working_directory);
  facts.add("ports", config.exposed_ports);
  facts.add("volumes", config.volumes);
  facts.add("stop signal", config.stop_signal);
  facts.add("labels", config.labels);
  facts.add("annotations", image.annotations);
  facts.add("referrers", referrers_text(around.referrers));
  if (around.hidden) facts.add("hidden", hidden_text(*around.hidden));
  std::vector<std::string> mounts;
  for (const auto& [mount_point, view] : around.mounts)
    mounts.push_back(mount_point + " (" + std::string(name_of(view)) + ")");
  facts.add("mounted on", mounts);
  facts.add("size", human_size(image.size) + " in " + count_of(image.layers.size(), "layer"));
  if (!image.layers.empty()) output << "\n" << layers_text(image, style, is_whole);
}

}  // namespace layoutfs::tools
