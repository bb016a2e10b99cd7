// `layoutfs history`.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/json.h"
#include "core/oci/layout_graph.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/store.h"
#include "tools/cli/table.h"
#include "tools/commands/image_summary.h"
#include "tools/commands/searched_images.h"

namespace layoutfs::tools {
namespace {

struct HistoryArguments {
  ImageArguments image;
  bool is_whole = false;
  bool is_json = false;
};

constexpr std::int64_t kHistoryVersion = 1;

// Returns the layer of each history entry, by position. An entry of an empty layer has none. If the numbers
// of entries and layers differ, no entry has one.
std::vector<std::optional<std::size_t>> layers_of_history(const ImageSummary& image) {
  std::vector<std::optional<std::size_t>> layers(image.config.history.size());
  for (std::size_t i = 0; i < image.layers.size(); ++i)
    if (const auto history = image.layers[i].history) layers[*history] = i;
  return layers;
}

// Shortens "2026-11-21T09:30:00.123Z" to seconds.
std::string time_text(const std::string& created) {
  std::string text = one_line(created, std::string::npos);
  constexpr std::size_t kToTheSecond = 19;
  if (text.size() > kToTheSecond && text[10] == 'T') text.resize(kToTheSecond);
  if (text.size() == kToTheSecond) text[10] = ' ';
  return text;
}

void print_text(const ImageSummary& image, bool is_whole, Output& output) {
  using enum Table::Align;
  Table table({{"LAYER", right}, {"SIZE", right}, {"CREATED"}, {"CREATED BY"}});
  const auto layers = layers_of_history(image);
  for (std::size_t i = layers.size(); i-- > 0;) {
    const HistoryEntry& entry = image.config.history[i];
    const std::string number = layers[i] ? std::to_string(*layers[i]) : entry.is_empty_layer ? "-" : "?";
    table.add_row({number, layers[i] ? human_size(image.layers[*layers[i]].descriptor.size) : "",
                   time_text(entry.created), one_line(entry.created_by, std::string::npos)});
  }
  output << table.text(stdout_style(), is_whole);
}

// Writes the members "manifest" and "history" into the current object.
void write_history(JsonWriter& json, const ImageSummary& image) {
  json.key("manifest").string(image.manifest_descriptor.digest.str()).key("history").begin_array();
  const auto layers = layers_of_history(image);
  for (std::size_t i = layers.size(); i-- > 0;) {
    const HistoryEntry& entry = image.config.history[i];
    json.begin_object().key("layer");
    layers[i] ? json.integer(static_cast<std::int64_t>(*layers[i])) : json.null();
    if (layers[i]) {
      const Descriptor& layer = image.layers[*layers[i]].descriptor;
      json.key("digest").string(layer.digest.str()).key("size").integer(to_json_integer(layer.size));
    }
    json.key("created").string(entry.created).key("createdBy").string(entry.created_by);
    json.key("author").string(entry.author).key("comment").string(entry.comment);
    json.key("emptyLayer").boolean(entry.is_empty_layer).end_object();
  }
  json.end_array();
}

void print_history(const ImageSummary& image, bool is_whole, Output& output) {
  print_text(image, is_whole, output);
  output.flush();
  std::size_t of_layers = 0;
  for (const HistoryEntry& entry : image.config.history)
    if (!entry.is_empty_layer) ++of_layers;
  if (of_layers != image.layers.size())
    print_notice("note: the history has " + std::to_string(of_layers) +
                 " entries with a layer, the image has " + count_of(image.layers.size(), "layer"));
}

int show_image(const OpenLayout& layout, const HistoryArguments& arguments, Output& output) {
  const auto image = summarize(layout, arguments.image);
  if (!image) return report(image.error());
  if (!arguments.is_json) {
    print_history(*image, arguments.is_whole, output);
    return kDone;
  }
  JsonWriter json;
  json.begin_object().key("version").integer(kHistoryVersion);
  write_history(json, *image);
  output << json.end_object().str() << "\n";
  return kDone;
}

// Shows each image under its name, and continues after one that cannot be read.
int show_images(const OpenLayout& layout, const HistoryArguments& arguments, const SearchedImages& images,
                Output& output) {
  int code = kDone;
  const auto note = [&code](const Error& error) {
    const int reported = report(error);
    if (code == kDone) code = reported;
  };
  for (const Error& problem : images.problems) note(Error(problem).with(layout.path));
  JsonWriter json;
  json.begin_object().key("version").integer(kHistoryVersion).key("images").begin_array();
  bool is_first = true;
  for (const SearchedImage& each : images.images) {
    const OpenLayout one{layout.path, layout.reader, each.manifest.digest.str()};
    const auto image = summarize(one, arguments.image);
    if (!image) {
      note(image.error());
    } else if (arguments.is_json) {
      json.begin_object().key("reference").string(each.name);
      write_history(json, *image);
      json.end_object();
    } else {
      if (!std::exchange(is_first, false)) output << "\n";
      output.name(each.name) << ":\n";
      print_history(*image, arguments.is_whole, output);
    }
  }
  if (arguments.is_json) output << json.end_array().end_object().str() << "\n";
  return code;
}

int show_history(const HistoryArguments& arguments, Output& output) {
  if (const auto given = arguments.image.check_given("history"); !given) return report(given.error());
  const auto layout = open_layout(arguments.image);
  if (!layout) return report(layout.error());
  if (!layout->reference.empty() || !arguments.image.platform.empty())
    return show_image(*layout, arguments, output);
  const auto images = searched_images(*layout, arguments.image, LayoutGraph(*layout->reader), {});
  if (!images) return report(images.error());
  // One image has no heading.
  if (images->images.size() < 2) return show_image(*layout, arguments, output);
  return show_images(*layout, arguments, *images, output);
}

}  // namespace

void add_history_command(Command program, int& exit_code) {
  const auto arguments = std::make_shared<HistoryArguments>();
  const Command command =
      program.add_subcommand("history", "Show the build steps of images and their layers, newest first");
  command.example("layoutfs history ./img:app");
  command.example("layoutfs history ./img", "all images of the layout");
  command.example("layoutfs history --no-trunc ./img:app", "whole commands");
  command.start_group(kOutputGroup);
  arguments->image.add_operand_and_options(command);
  command.add_flag("--no-trunc", arguments->is_whole, "Print whole commands");
  command.add_flag("--json", arguments->is_json, "Print JSON");
  command.callback([arguments, &exit_code] {
    exit_code = with_output([&](Output& output) { return show_history(*arguments, output); });
  });
}

}  // namespace layoutfs::tools
