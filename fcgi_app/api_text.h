/* SPDX-License-Identifier: ISC */
/*
 * api/openapi.json, compiled into the program: the lines before and those after "servers". Made by
 * api/embed.awk when the project is built.
 */
#ifndef FCGI_APP_API_TEXT_H
#define FCGI_APP_API_TEXT_H

extern const char api_text_head[];
extern const char api_text_tail[];

#endif
