"""`{% sign_in_address %}`: where people sign in, whatever page of the site that is."""

from django import template

from chatcore import mount

register = template.Library()
register.simple_tag(mount.sign_in_address)
