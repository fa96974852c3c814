/*
 * wizdatactl.c - from the command line to a command.
 */
#include "wizdatactl.h"

#include "wd_conf.h"

#include <stdio.h>

typedef struct {
    int         argc;
    char      **argv;
    int         at; /* next argument */
    bool        literal; /* behind -- */
    bool        help;
    const char *group; /* first word of a two-word command, so far */
} ctl_line_t;


/* ---- help --------------------------------------------------------------- */

static bool
ctl_in_group(const ctl_command_t *c, const char *group)
{
    size_t n = strlen(group);

    return strncmp(c->name, group, n) == 0 && c->name[n] == ' ';
}


/* All commands, or those of a group. */
static int
ctl_help_all(const char *group)
{
    char                 usage[96];
    const ctl_command_t *c;

    printf("Usage: wizdatactl [--json] COMMAND ...\n\n");
    for (c = ctl_commands; c->name != NULL; c++) {
        if (group == NULL || ctl_in_group(c, group)) {
            snprintf(usage, sizeof(usage), "%s %s", c->name, c->args);
            printf("  %-44s %s\n", usage, c->summary);
        }
    }
    printf("\nwizdatactl COMMAND --help explains a command. Every command "
           "takes --json: one\nJSON document on standard output, also for "
           "failures. Exit status: 0 done,\n1 failed, 2 wrong usage.\n");
    return CTL_OK;
}


static int
ctl_help_command(const ctl_command_t *c)
{
    char                option[48];
    const ctl_option_t *o;

    printf("Usage: wizdatactl %s%s%s%s\n\n%s.\n", c->name,
           c->args[0] != '\0' ? " " : "", c->args,
           c->options[0].name != NULL ? " [OPTION...]" : "", c->summary);
    if (c->help != NULL) {
        printf("%s\n", c->help);
    }

    printf("\nOptions:\n");
    for (o = c->options; o->name != NULL; o++) {
        snprintf(option, sizeof(option), "--%s %s", o->name,
                 o->value != NULL ? o->value : "");
        printf("  %-24s %s\n", option, o->help);
    }
    printf("  %-24s %s\n", "--json", "Answer with one JSON document");
    printf("  %-24s %s\n", "--help", "Show this");
    return CTL_OK;
}


/* One command for programs: its usage as members. */
static json_t *
ctl_help_json_of(const ctl_command_t *c)
{
    json_t             *options = json_array();
    const ctl_option_t *o;

    for (o = c->options; o->name != NULL; o++) {
        json_array_append_new(options,
                              json_pack("{s:s, s:s?, s:s}", "name", o->name,
                                        "value", o->value, "help", o->help));
    }
    return json_pack("{s:s, s:s, s:s, s:o}", "name", c->name, "args", c->args,
                     "summary", c->summary, "options", options);
}


static int
ctl_help_json(const ctl_command_t *only, const char *group)
{
    json_t              *list = json_array();
    const ctl_command_t *c;

    for (c = ctl_commands; c->name != NULL; c++) {
        if ((only == NULL || c == only)
            && (group == NULL || ctl_in_group(c, group))) {
            json_array_append_new(list, ctl_help_json_of(c));
        }
    }
    return ctl_print_json(json_pack("{s:o}", "commands", list));
}


static int
ctl_help(const ctl_t *ctl, const char *group)
{
    if (ctl->json) {
        return ctl_help_json(ctl->command, ctl->command == NULL ? group : NULL);
    }
    return ctl->command != NULL ? ctl_help_command(ctl->command)
                                : ctl_help_all(group);
}


/* ---- words -------------------------------------------------------------- */

static const ctl_command_t *
ctl_find(const char *name)
{
    const ctl_command_t *c;

    for (c = ctl_commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}


static bool
ctl_is_group(const char *word)
{
    const ctl_command_t *c;

    for (c = ctl_commands; c->name != NULL; c++) {
        if (ctl_in_group(c, word)) {
            return true;
        }
    }
    return false;
}


static int
ctl_take_word(ctl_t *ctl, ctl_line_t *line, const char *word)
{
    char name[64];

    if (ctl->command != NULL) {
        if (ctl->n_words == CTL_WORDS_MAX) {
            return ctl_misuse(ctl, "more than %d words", CTL_WORDS_MAX);
        }
        ctl->words[ctl->n_words++] = word;
        return CTL_OK;
    }

    snprintf(name, sizeof(name), "%s%s%s",
             line->group != NULL ? line->group : "",
             line->group != NULL ? " " : "", word);
    ctl->command = ctl_find(name);
    if (ctl->command != NULL) {
        return CTL_OK;
    }

    if (line->group == NULL && ctl_is_group(word)) {
        line->group = word;
        return CTL_OK;
    }
    return ctl_misuse(ctl, "there is no command \"%s\"; try wizdatactl --help",
                      name);
}


/* ---- options ------------------------------------------------------------ */

/* The option that `arg` ("name" or "name=value") names; its index or -1. */
static int
ctl_option_index(const ctl_t *ctl, wd_str_t name)
{
    int i;

    for (i = 0; ctl->command != NULL && i < CTL_OPTIONS_MAX
                && ctl->command->options[i].name != NULL;
         i++) {
        if (wd_str_eq_z(name, ctl->command->options[i].name)) {
            return i;
        }
    }
    return -1;
}


static int
ctl_take_value(ctl_t *ctl, ctl_line_t *line, int i, const char *inlined)
{
    const ctl_option_t *o = &ctl->command->options[i];

    if (ctl->values[i] != NULL) {
        return ctl_misuse(ctl, "--%s is given twice", o->name);
    }

    if (o->value == NULL) {
        ctl->values[i] = "";
        return inlined == NULL
                   ? CTL_OK
                   : ctl_misuse(ctl, "--%s takes no value", o->name);
    }

    if (inlined == NULL && line->at < line->argc) {
        inlined = line->argv[line->at++];
    }
    ctl->values[i] = inlined;
    return inlined != NULL
               ? CTL_OK
               : ctl_misuse(ctl, "--%s needs a value: %s", o->name, o->value);
}


static int
ctl_take_option(ctl_t *ctl, ctl_line_t *line, const char *arg)
{
    int      i;
    wd_str_t name, rest = wd_str_z(arg);

    wd_str_split(&rest, '=', &name);
    i = ctl_option_index(ctl, name);
    if (i >= 0) {
        return ctl_take_value(ctl, line, i, rest.data);
    }

    if (ctl->command == NULL) {
        return ctl_misuse(ctl,
                          "unknown option --%s; options of a command "
                          "stand behind it",
                          arg);
    }
    return ctl_misuse(ctl, "%s has no option --%.*s; try wizdatactl %s --help",
                      ctl->command->name, WD_STR_ARG(name), ctl->command->name);
}


static int
ctl_take(ctl_t *ctl, ctl_line_t *line)
{
    const char *arg = line->argv[line->at++];

    if (line->literal || arg[0] != '-' || arg[1] == '\0') {
        return ctl_take_word(ctl, line, arg);
    }
    if (strcmp(arg, "--") == 0) {
        line->literal = true;
        return CTL_OK;
    }
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
        line->help = true;
        return CTL_OK;
    }
    if (strcmp(arg, "--json") == 0) {
        return CTL_OK; /* ctl_wants_json() saw it */
    }
    if (strncmp(arg, "--", 2) != 0) {
        return ctl_misuse(ctl, "unknown option %s; try wizdatactl --help", arg);
    }
    return ctl_take_option(ctl, line, arg + 2);
}


/* Looked for first, so that the complaint about any argument is JSON. */
static bool
ctl_wants_json(int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}


static int
ctl_version(const ctl_t *ctl)
{
    if (ctl->json) {
        return ctl_print_json(json_pack("{s:s}", "version", WD_VERSION));
    }
    printf("wizdatactl %s\n", WD_VERSION);
    return CTL_OK;
}


static int
ctl_run(ctl_t *ctl, const ctl_line_t *line)
{
    const ctl_command_t *c = ctl->command;

    if (line->help) {
        return ctl_help(ctl, line->group);
    }
    if (c == NULL) {
        return ctl_misuse(ctl, "%s; try wizdatactl --help",
                          line->group != NULL ? "the command is not complete"
                                              : "a command is needed");
    }
    if (ctl->n_words < c->min || ctl->n_words > c->max) {
        return ctl_misuse(ctl, "usage: wizdatactl %s %s", c->name, c->args);
    }
    return c->run(ctl);
}


int
ctl_main(int argc, char **argv)
{
    int        rc = CTL_OK;
    ctl_t      ctl = {.json = ctl_wants_json(argc, argv)};
    ctl_line_t line = {.argc = argc, .argv = argv, .at = 1};

    if (argc >= 2
        && (strcmp(argv[1], "--version") == 0
            || strcmp(argv[argc - 1], "--version") == 0)) {
        return ctl_version(&ctl);
    }

    while (rc == CTL_OK && line.at < argc) {
        rc = ctl_take(&ctl, &line);
    }
    if (rc == CTL_OK) {
        rc = ctl_run(&ctl, &line);
    }

    ctl_disconnect(&ctl);
    if (fflush(stdout) != 0 && rc == CTL_OK) {
        fprintf(stderr, "wizdatactl: standard output cannot be written\n");
        rc = CTL_FAILED;
    }
    return rc;
}


const char *
ctl_option(const ctl_t *ctl, const char *name)
{
    int i = ctl_option_index(ctl, wd_str_z(name));

    return i >= 0 ? ctl->values[i] : NULL;
}


int
ctl_setting(const ctl_t *ctl, const char *section, const char *name,
            const char *def, char **ret)
{
    char               *value = NULL;
    wd_error_t          err = {0};
    const wd_conf_row_t row = {
        .section = section,
        .name = name,
        .parse = wd_conf_str,
        .def = def,
    };

    if (wd_conf_load(&row, 1, &value, &err) != WD_OK) {
        wd_conf_done(&row, 1, &value);
        return ctl_fail(ctl, err.code, "%s", err.text);
    }
    *ret = value;
    return CTL_OK;
}
