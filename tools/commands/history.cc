// `layoutfs history`.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "core/base/json.h"
#include "core/explain/build_history.h"
#include "core/oci/layout_graph.h"
#include "tools/cli/command.h"
#include "tools/cli/image_arguments.h"
#include "tools/cli/store.h"
#include "tools/cli/table.h"
#include "tools/commands/searched_images.h"

namespace layoutfs::tools {
namespace {

struct HistoryArguments {
  ImageArguments image;
  bool is_whole = false;
  bool is_json = false;
};

constexpr std::int64_t kHistoryVersion = 1;

// Shortens "2026-11-21T09:30:00.123Z" to seconds.
std::string time_text(const std::string& created) {
  std::string text = one_line(created);
  constexpr std::size_t kToTheSecond = 19;
  if (text.size() > kToTheSecond && text[10] == 'T') text.resize(kToTheSecond);
  if (text.size() == kToTheSecond) text[10] = ' ';
  return text;
}

void print_text(const BuildHistory& history, bool is_whole, Output& output) {
  using enum Table::Align;
  Table table({{"LAYER", right}, {"SIZE", right}, {"CREATED"}, {"CREATED BY"}});
  for (auto step = history.steps.rbegin(); step != history.steps.rend(); ++step) {
    const HistoryEntry& entry = step->entry;
    const std::string number = step->layer ? std::to_string(*step->layer) : entry.is_empty_layer ? "-" : "?";
    table.add_row({number, step->layer ? human_size(history.layers[*step->layer].descriptor.size) : "",
                   time_text(entry.created), one_line(entry.created_by)});
  }
  output << table.text(stdout_style(), is_whole);
}

// Writes the members "manifest" and "history" into the current object.
void write_history(JsonWriter& json, const Descriptor& manifest, const BuildHistory& history) {
  json.key("manifest").string(manifest.digest.str()).key("history").begin_array();
  for (auto step = history.steps.rbegin(); step != history.steps.rend(); ++step) {
    const HistoryEntry& entry = step->entry;
    json.begin_object().key("layer");
    step->layer ? json.integer(static_cast<std::int64_t>(*step->layer)) : json.null();
    if (step->layer) {
      const Descriptor& layer = history.layers[*step->layer].descriptor;
      json.key("digest").string(layer.digest.str()).key("size").integer(to_json_integer(layer.size));
    }
    json.key("created").string(entry.created).key("createdBy").string(entry.created_by);
    json.key("author").string(entry.author).key("comment").string(entry.comment);
    json.key("emptyLayer").boolean(entry.is_empty_layer).end_object();
  }
  json.end_array();
}

void print_history(const BuildHistory& history, bool is_whole, Output& output) {
  print_text(history, is_whole, output);
  output.flush();
  const auto of_layers = std::ranges::count_if(
      history.steps, [](const BuildHistory::Step& step) { return !step.entry.is_empty_layer; });
  if (static_cast<std::size_t>(of_layers) != history.layers.size())
    print_notice("note: the history has " + std::to_string(of_layers) +
                 " entries with a layer, the image has " + count_of(history.layers.size(), "layer"));
}

// Prints the histories of images under their names, or that of a single image without its name.
class HistoryOutput {
 public:
  HistoryOutput(const HistoryArguments& arguments, bool has_several, Output& output)
      : arguments_(arguments), has_several_(has_several), output_(output) {
    json_.begin_object().key("version").integer(kHistoryVersion);
    if (has_several_) json_.key("images").begin_array();
  }

  void print(const SearchedImage& image, const BuildHistory& history) {
    const bool is_first = std::exchange(is_empty_, false);
    if (arguments_.is_json) return print_json(image, history);
    if (has_several_) {
      if (!is_first) output_ << "\n";
      output_.name(image.name) << ":\n";
    }
    print_history(history, arguments_.is_whole, output_);
  }
  // Prints nothing if the single image could not be read.
  void finish() {
    if (!arguments_.is_json || (is_empty_ && !has_several_)) return;
    if (has_several_) json_.end_array();
    output_ << json_.end_object().str() << "\n";
  }

 private:
  void print_json(const SearchedImage& image, const BuildHistory& history) {
    if (has_several_) json_.begin_object().key("reference").string(image.name);
    write_history(json_, image.manifest, history);
    if (has_several_) json_.end_object();
  }

  const HistoryArguments& arguments_;
  const bool has_several_;
  Output& output_;
  JsonWriter json_;
  bool is_empty_ = true;
};

int show_history(const HistoryArguments& arguments, Output& output) {
  if (const auto given = arguments.image.check_given("history"); !given) return report(given.error());
  const auto layout = open_layout(arguments.image);
  if (!layout) return report(layout.error());
  const LayoutGraph graph(*layout->reader);
  const auto images = searched_images(*layout, arguments.image, graph, {});
  if (!images) return report(images.error());
  int code = kDone;
  const auto note = [&](const Error& error) {
    const int reported = report(error);
    if (code == kDone) code = reported;
  };
  for (const Error& problem : images->problems) note(Error(problem).with(layout->path));
  HistoryOutput shown(arguments, images->images.size() > 1, output);
  for (const SearchedImage& image : images->images) {
    const auto history = read_build_history(graph, image.manifest);
    history ? shown.print(image, *history) : note(Error(history.error()).with(place_of(*layout, image)));
  }
  shown.finish();
  return code;
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
